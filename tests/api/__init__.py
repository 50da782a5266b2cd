"""The JSON API through real HTTP, against a running bridge and a running sandbox Chatwoot."""

import pytest

pytest.register_assert_rewrite("tests.support.api")
