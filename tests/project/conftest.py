from tests.demo import demo_site  # noqa: F401
