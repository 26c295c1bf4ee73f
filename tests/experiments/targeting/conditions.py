"""A condition with every operator of the language."""

EVERY_OPERATOR = {
    "$or": [{"country": {"$ini": ["fr", "be"], "$nini": ["de"]}}, {"$not": {"device": "mobile"}}],
    "$and": [{"age": {"$gt": 17, "$lte": 99.5}}, {"name": {"$gte": "a", "$lt": "n"}}],
    "$nor": [{"app": {"$vgt": "1.2", "$vlt": "3", "$vne": "2.0"}}],
    "app": {"$vgte": "1", "$vlte": "4", "$veq": "2.0.1"},
    "tags": {"$all": ["a", {"$regex": "^b"}], "$alli": ["c"], "$size": {"$gt": 2}},
    "carts": {"$elemMatch": {"total": {"$ne": None}}, "$size": 2},
    "scores": {"$elemMatch": {"$eq": 5}},
    "utm.source": {"$in": ["mail"], "$nin": ["ads"], "$exists": True, "$type": "string"},
    "id": {"$inGroup": "staff", "$notInGroup": "bots"},
    "page": {"$regexi": "/pricing$", "$not": {"$regex": "/old/"}},
    "new_visitor": False,
}
