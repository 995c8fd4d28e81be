import pytest
from django.test import TransactionTestCase
from hypothesis import settings as hypothesis_settings

from tests import databases

hypothesis_settings.register_profile("canbao", deadline=None, print_blob=True)
hypothesis_settings.load_profile("canbao")


def _clone_instead_of_flush(self: TransactionTestCase) -> None:
    # The web role cannot flush, and append-only tables refuse TRUNCATE even from the owner.
    databases.clone()


TransactionTestCase._fixture_teardown = _clone_instead_of_flush  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker):
    with django_db_blocker.unblock():
        databases.make_template()
        databases.clone()
    yield
    with django_db_blocker.unblock():
        databases.drop()
