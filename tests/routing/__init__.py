"""Messages through a running bridge, between a sandbox phone and a sandbox Chatwoot."""

import pytest

pytest.register_assert_rewrite("tests.routing.desk")
