"""The words of the patterns lose no match: the outcome is the library's own."""

import re

import pytest
from crawlerdetect import CrawlerDetect
from crawlerdetect.crawlerdetect import crawlers_data
from hypothesis import given
from hypothesis import strategies as st

from experiments.services.events.crawler_patterns import is_crawler, needed

ASCII = st.characters(codec="ascii", exclude_categories=["Cc"])
WITH_WORDS = [one for one in map(needed, crawlers_data) if one.words]


def test_nearly_every_pattern_needs_a_word():
    assert len(crawlers_data) - len(WITH_WORDS) <= 5


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"Googlebot\/", ("googlebot/",)),
        (r"a(b|c)defg", ("defg",)),
        (r"^Ruby|Python\/[0-9]", ("ruby", "python/")),
        (r"[a-z]*(bot|crawl)", ("bot", "crawl")),
        (r"abcd?", ("abc",)),
        (r"ab{2,3}c", ()),
        (r"one\.two\d+", ("one.two",)),
        (r"(one|two)three|four", ()),
        (r"\w+", ()),
    ],
)
def test_words_are_what_every_match_contains(pattern, words):
    assert needed(pattern).words == words


def texts_of(one):
    pattern = re.compile(one.pattern, re.IGNORECASE | re.ASCII)
    return st.tuples(st.just(one), st.from_regex(pattern, alphabet=ASCII))


@given(st.sampled_from(WITH_WORDS).flatmap(texts_of))
def test_every_match_contains_a_needed_word(case):
    one, text = case
    assert any(word in text.casefold() for word in one.words)


@given(st.sampled_from(WITH_WORDS).flatmap(texts_of))
def test_outcome_is_the_librarys_for_crawlers(case):
    text = case[1][:120]
    assert is_crawler(text) == CrawlerDetect().is_crawler(text)


@given(st.text(ASCII, max_size=60))
def test_outcome_is_the_librarys_for_any_text(text):
    assert is_crawler(text) == CrawlerDetect().is_crawler(text)
