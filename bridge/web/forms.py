"""The forms of the pages, by the rules of the API (`bridge.activation.reader`).

A field's errors are `Trouble` objects; texts are marked here and translated by the templates.
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Response, make_response, render_template, request
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


def _read(field: Field, value: object, rule: Callable[[Reader, str], Any]) -> Any:
    """What the rule makes of a value. Raises StopValidation with the rule that it breaks."""
    reader = Reader({field.name: value})
    read = rule(reader, field.name)
    if field.name in reader.problems:
        raise StopValidation(rule_trouble(field.description, reader.problems[field.name]))
    return read


def _required(field: Field, sentence: str) -> None:
    if not field.data:
        raise StopValidation(Trouble(Problem(sentence)))


def _complete_address(field: Field) -> address.ChatwootAddress:
    """The address that was meant by what was pasted. Raises StopValidation with the rule."""
    try:
        return address.parse_pasted(field.data)
    except address.BadAddress as error:
        raise StopValidation(rule_trouble(field.description, error.problem)) from None


def _trimmed(text: str | None) -> str:
    """As a person meant it: without the spaces and unseen characters that copying brings along."""
    return address.UNSEEN.sub("", text or "").strip()


class Form(FlaskForm):  # type: ignore[misc]
    """A form whose fields' `description` is the subject of the sentences about them; without fields
    a button alone."""

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
        return [
            (field, error) for field in self for error in field.errors if isinstance(error, Trouble)
        ]


class SignInForm(Form):
    token = PasswordField(
        N_("Account token"), filters=[_trimmed], description=N_("The account token")
    )

    def validate_token(self, field: Field) -> None:
        """As it can stand in a header."""
        _required(field, N_("Enter the account token of this bridge"))
        _read(field, field.data, Reader.token)


class InstanceForm(Form):
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

    _no_token = N_("Enter the token of the gateway")

    @property
    def has_gateway(self) -> bool:
        """Whether anything about a gateway was typed."""
        return bool(self.gateway_url.data or self.gateway_token.data)

    def wish(self, *, stored: GatewayConfig | None = None) -> InstanceRequest | None:
        """The checked wish for a new instance; None when the fields have errors."""
        gateway = self._typed(stored) if self.has_gateway else None
        return self._checked({"name": self.name.data, "gateway": gateway})

    def gateway(self, name: str, *, stored: GatewayConfig | None) -> GatewayConfig | None:
        """The gateway of the instance `name`; None when the fields have errors."""
        wish = self._checked({"name": name, "gateway": self._typed(stored)})
        return wish.gateway if wish else None

    def _typed(self, stored: GatewayConfig | None) -> dict[str, Any]:
        """An empty token means the stored one, which is never shown to another host."""
        url, token = self.gateway_url.data, self.gateway_token.data
        with contextlib.suppress(address.BadAddress):  # the rules name what is wrong with it
            url = address.parse_pasted(url).base_url
        if stored is not None and not token:
            if _host(stored.base_url) == _host(url):
                token = stored.token
            elif url:
                self._no_token = N_(
                    "Enter the token of the gateway: the saved one belongs to another address"
                )
        return {"kind": self.kind.data, "baseUrl": url, "token": token}

    def _checked(self, body: dict[str, Any]) -> InstanceRequest | None:
        fields = {
            "name": (self.name, N_("Enter a name for the instance")),
            "gateway.kind": (self.kind, ""),
            "gateway.baseUrl": (self.gateway_url, N_("Enter the address of the gateway")),
            "gateway.token": (self.gateway_token, self._no_token),
        }
        try:
            return new_instance(body)
        except InvalidBody as error:
            for key, problem in error.problems.items():
                field, empty = fields[key]
                is_empty = empty and not field.data
                rule = rule_trouble(field.description, problem)
                field.errors = [Trouble(Problem(empty)) if is_empty else rule]
            return None


class GatewayForm(InstanceForm):
    choice = name = None


class AddressForm(Form):
    """Where Chatwoot is: its address, or any link from its dashboard."""

    address = StringField(N_("Chatwoot address"), filters=[_trimmed], description=N_("The address"))

    def validate_address(self, field: Field) -> None:
        """The rules of `chatwoot.address`, which forgives what people paste."""
        _required(field, N_("Enter the address of your Chatwoot"))
        _complete_address(field)


class AccountForm(Form):
    """The number of the account; it may stay empty while no token is known."""

    account_id = StringField(N_("Account id"), filters=[_trimmed], description=N_("The account id"))

    def validate_account_id(self, field: Field) -> None:
        """A number, perhaps with # in front."""
        if field.data:
            digits = field.data.removeprefix("#")
            is_number = digits.isascii() and digits.isdigit() and len(digits) < 30
            value = int(digits) if is_number else digits
            field.data = str(_read(field, value, Reader.account_id))


class AccountChoiceForm(Form):
    """One of the accounts that the token may administer."""

    account_id = RadioField(N_("Account"), validate_choice=False, description=N_("The account id"))

    def offer(self, accounts: Iterable[Membership]) -> None:
        self.account_id.choices = [(str(account.id), account.name) for account in accounts]

    def validate_account_id(self, field: Field) -> None:
        """One of those on the page."""
        if field.data not in [value for value, _ in field.choices]:
            raise StopValidation(Trouble(Problem(N_("Choose one of the accounts"))))


class TokenForm(Form):
    """The access token; an empty field means the saved one, which a template shows as such."""

    token = PasswordField(N_("Access token"), filters=[_trimmed], description=N_("The token"))

    def __init__(self, *, saved: Secret) -> None:
        super().__init__()
        self.saved = saved

    def validate_token(self, field: Field) -> None:
        """As it can stand in a header."""
        field.data = field.data or self.saved
        _required(field, N_("Enter the access token of a Chatwoot administrator"))
        field.data = _read(field, field.data, Reader.token)


class InboxForm(Form):
    """The name of the inbox, and the options of the integration (below)."""

    inbox_name = StringField(N_("Inbox name"), filters=[_trimmed], description=N_("The inbox name"))

    def __init__(self, *, version: str, **more: Any) -> None:
        super().__init__(**more)
        self.version = version

    def validate_inbox_name(self, field: Field) -> None:
        """What the API and this version of Chatwoot allow; the default one if it is empty."""
        name = _read(field, field.data, Reader.inbox_name)
        if problem := versions.name_problem(name, self.version):
            raise StopValidation(rule_trouble(field.description, problem))
        field.data = name


def _optional_address(form: FlaskForm, field: Field) -> None:
    if field.data:
        field.data = _complete_address(field).base_url


for _option in OPTIONS:
    _field = (
        BooleanField(_option.label)
        if _option.is_switch
        else StringField(
            _option.label,
            filters=[_trimmed],
            description=N_("The address"),
            validators=[_optional_address],
        )
    )
    setattr(InboxForm, _option.name, _field)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def draw(template: str, form: Form | None = None, **more: Any) -> Response:
    """A page with its form, a button alone unless given; 422 where something typed is wrong."""
    form = form or Form()
    html = render_template(template, form=form, **more)
    return make_response(html, 422 if form.troubles() else 200)
