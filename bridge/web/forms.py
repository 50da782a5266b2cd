"""The forms of the pages. The rules are those of `bridge.activation.reader`.

A field's errors are `Trouble` objects; texts are marked here and translated by the templates.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import request
from flask_wtf import FlaskForm
from werkzeug.exceptions import HTTPException
from wtforms import BooleanField, Field, PasswordField, RadioField, SelectField, StringField
from wtforms.validators import StopValidation

from bridge.activation.reader import GATEWAY_KINDS, Reader
from bridge.activation.validation import InstanceRequest, new_instance
from bridge.chatwoot import address, versions
from bridge.domain.errors import N_, InvalidBody, Problem
from bridge.domain.models import GatewayConfig, Membership, Secret
from bridge.domain.options import OPTIONS
from bridge.web.pages import Trouble

#: The choice of the instance page that is no name: names cannot hold a space.
NEW = "new instance"


def rule_trouble(subject: str, problem: Problem) -> Trouble:
    """The API's rule as a sentence about a field: "The token" and "is required"."""
    return Trouble(Problem(N_("{subject} {rule}"), subject=Problem(subject), rule=problem))


class Rule:
    """Checks a field with one method of `Reader`; an empty field has its own sentence."""

    def __init__(self, read: Callable[[Reader, str], object], *, empty: str = "") -> None:
        self._read, self._empty = read, empty

    def __call__(self, form: FlaskForm, field: Field) -> None:
        if self._empty and not field.data:
            field.errors = []
            raise StopValidation(Trouble(Problem(self._empty)))
        reader = Reader({field.name: field.data})
        self._read(reader, field.name)
        if field.name in reader.problems:
            raise StopValidation(rule_trouble(field.description, reader.problems[field.name]))


def _trimmed(text: str | None) -> str:
    """As a person meant it: without the spaces and unseen characters that copying brings along."""
    return address.UNSEEN.sub("", text or "").strip()


class Form(FlaskForm):  # type: ignore[misc]
    """A form whose fields' `description` is the subject of the sentences about them."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """Reads what a browser sends as a form, and nothing else as one."""

        def wrap_formdata(self, form: FlaskForm, formdata: object) -> object:
            """What was filled in; None where there is nothing that can be read. The page about a
            body that cannot be read has forms as well."""
            if request.method != "POST":
                return None
            try:
                return request.form
            except HTTPException:
                return None

    def troubles(self) -> list[tuple[Field, Trouble]]:
        """Every trouble with its field, in the order of the page."""
        return [(field, one) for field in self for one in field.errors if isinstance(one, Trouble)]


class ActionForm(Form):
    """A button alone."""


class SignInForm(Form):
    """The account token."""

    token = PasswordField(
        N_("Account token"),
        filters=[_trimmed],
        description=N_("The account token"),
        validators=[Rule(Reader.token, empty=N_("Enter the account token of this bridge"))],
    )


class InstanceForm(Form):
    """An instance that is there, or a new one; either with its gateway."""

    choice = RadioField(N_("Instance"), validate_choice=False)
    name = StringField(N_("Name"), filters=[_trimmed], description=N_("The name"))
    kind = SelectField(
        N_("Kind of gateway"),
        choices=[(kind, "RyzeAPI" if kind == "ryzeapi" else kind) for kind in GATEWAY_KINDS],
        description=N_("The kind of gateway"),
    )
    gateway_url = StringField(
        N_("Gateway address"), filters=[_trimmed], description=N_("The gateway address")
    )
    gateway_token = PasswordField(
        N_("Gateway token"), filters=[_trimmed], description=N_("The gateway token")
    )

    @property
    def has_gateway(self) -> bool:
        """Whether anything about a gateway was typed."""
        return bool(self.gateway_url.data or self.gateway_token.data)

    def wish(self, *, kept: GatewayConfig | None = None) -> InstanceRequest | None:
        """The checked wish for a new instance; None when the fields have errors."""
        gateway = self._place(kept) if self.has_gateway else None
        return self._read({"name": self.name.data, "gateway": gateway})

    def place(self, name: str, *, kept: GatewayConfig | None) -> GatewayConfig | None:
        """The gateway of the instance `name`; None when the fields have errors."""
        wish = self._read({"name": name, "gateway": self._place(kept)})
        return wish.gateway if wish else None

    def _place(self, kept: GatewayConfig | None) -> dict[str, Any]:
        """An empty token keeps the one that is `kept`, but never shows it to another host."""
        url, token = _base_url(self.gateway_url.data), self.gateway_token.data
        if kept is not None and not token and _host(kept.base_url) == _host(url):
            token = kept.token
        return {"kind": self.kind.data, "baseUrl": url, "token": token}

    def _read(self, body: dict[str, Any]) -> InstanceRequest | None:
        fields = {
            "name": (self.name, N_("Enter a name for the instance")),
            "gateway.kind": (self.kind, ""),
            "gateway.baseUrl": (self.gateway_url, N_("Enter the address of the gateway")),
            "gateway.token": (self.gateway_token, N_("Enter the token of the gateway")),
        }
        try:
            return new_instance(body)
        except InvalidBody as error:
            for key, problem in error.problems.items():
                field, empty = fields[key]
                blank = empty and not field.data
                trouble = (
                    Trouble(Problem(empty)) if blank else rule_trouble(field.description, problem)
                )
                field.errors = [trouble]
            return None


class GatewayForm(InstanceForm):
    """The gateway of an instance that is there."""

    choice = name = None


class AddressForm(Form):
    """Where Chatwoot is: its address, or any link from its dashboard."""

    address = StringField(N_("Chatwoot address"), filters=[_trimmed], description=N_("The address"))

    def validate_address(self, field: Field) -> None:
        """The rules of `chatwoot.address`, which forgives what people paste."""
        if not field.data:
            raise StopValidation(Trouble(Problem(N_("Enter the address of your Chatwoot"))))
        try:
            address.parse_pasted(field.data)
        except address.BadAddress as error:
            raise StopValidation(rule_trouble(field.description, error.problem)) from None


class AccountForm(Form):
    """The number of the account; it may stay empty while no token is known."""

    account_id = StringField(N_("Account id"), filters=[_trimmed], description=N_("The account id"))

    def validate_account_id(self, field: Field) -> None:
        """The rule of the API."""
        if not field.data:
            return
        digits = field.data.removeprefix("#")
        is_number = digits.isascii() and digits.isdigit() and len(digits) < 30
        reader = Reader({field.name: int(digits) if is_number else digits})
        account_id = reader.account_id(field.name)
        if field.name in reader.problems:
            raise StopValidation(rule_trouble(field.description, reader.problems[field.name]))
        field.data = str(account_id)


class AccountChoiceForm(Form):
    """One of the accounts that the token may administer."""

    account_id = RadioField(N_("Account"), validate_choice=False, description=N_("The account id"))

    def offer(self, accounts: Iterable[Membership]) -> None:
        """Sets the choices."""
        self.account_id.choices = [(str(one.id), one.name) for one in accounts]

    def validate_account_id(self, field: Field) -> None:
        """One of those on the page."""
        if field.data not in [value for value, _ in field.choices]:
            raise StopValidation(Trouble(Problem(N_("Choose one of the accounts"))))


class TokenForm(Form):
    """The access token; an empty field keeps the one that is saved."""

    token = PasswordField(N_("Access token"), filters=[_trimmed], description=N_("The token"))

    def read(self, *, kept: str) -> Secret | None:
        """The token typed, or the kept one; None when the field has an error."""
        text = self.token.data or kept
        reader = Reader({"token": text})
        token = reader.token("token")
        if not text:
            trouble = Trouble(Problem(N_("Enter the access token of a Chatwoot administrator")))
        elif reader.problems:
            trouble = rule_trouble(self.token.description, reader.problems["token"])
        else:
            return token
        self.token.errors = [trouble]
        return None


class InboxForm(Form):
    """The name of the inbox, and what happens to conversations."""

    inbox_name = StringField(N_("Inbox name"), filters=[_trimmed], description=N_("The inbox name"))

    def read_name(self, version: str) -> str | None:
        """The name, the default one if it is empty; None when the field has an error."""
        reader = Reader({"inbox_name": self.inbox_name.data})
        name = reader.inbox_name("inbox_name")
        problem = reader.problems.get("inbox_name") or versions.name_problem(name, version)
        if problem is None:
            return name
        self.inbox_name.errors = [rule_trouble(self.inbox_name.description, problem)]
        return None


def _may_be_address(form: FlaskForm, field: Field) -> None:
    """As the address of Chatwoot itself, but it may stay empty."""
    if not field.data:
        return
    try:
        field.data = address.parse_pasted(field.data).base_url
    except address.BadAddress as error:
        raise StopValidation(rule_trouble(field.description, error.problem)) from None


for _option in OPTIONS:
    _field = (
        BooleanField(_option.label)
        if _option.is_switch
        else StringField(
            _option.label,
            filters=[_trimmed],
            description=_option.label,
            validators=[_may_be_address],
        )
    )
    setattr(InboxForm, _option.name, _field)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _base_url(text: str) -> str:
    """What the rules judge: completed where that is clear, else as it was typed."""
    try:
        return address.parse_pasted(text).base_url
    except address.BadAddress:
        return text
