"""Which requests Twilio signed: its own published ones, and each of them spoiled."""

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from notifications.receipts import valid_twilio_signature
from tests import published

PUBLISHED = published.read("sms/twilio_signature_vectors.json")
TOKEN: str = PUBLISHED["token"]

Form = MultiDict[str, str]


def vectors() -> Iterator[Any]:
    """Address, form and signature; "same" is the form of the row before."""
    form: Form = MultiDict()
    for row in PUBLISHED["vectors"]:
        if row["params"] != "same":
            form = MultiDict(row["params"])
        yield pytest.param(row["url"], form, row["signature"], id=f"{row['url']} with {len(form)} names")


every_vector = pytest.mark.parametrize(("url", "form", "signature"), list(vectors()))


@every_vector
def test_twilios_own_signatures_are_good(url: str, form: Form, signature: str) -> None:
    assert valid_twilio_signature(TOKEN, url, form, signature)


@every_vector
def test_a_request_to_another_address_is_not_signed(url: str, form: Form, signature: str) -> None:
    scheme, host = url.partition("://")[::2]
    other_scheme = "http" if scheme == "https" else "https"
    others = [url + "3", url[:-1], url.upper(), f"{other_scheme}://{host}", f"{scheme}://www.{host}"]
    for other in [*others, url.replace("foo=1&bar=2", "bar=2&foo=1"), url.partition("?")[0], ""]:
        assert not valid_twilio_signature(TOKEN, other, form, signature), other


@every_vector
def test_a_form_with_a_field_changed_added_or_taken_away_is_not_signed(
    url: str, form: Form, signature: str
) -> None:
    for name in form:
        without = {key: form.getlist(key) for key in form if key != name}
        spoiled = [without, without | {name: "0"}, without | {f"{name}x": form.getlist(name)}]
        for each in [*spoiled, without | {name: [*form.getlist(name), "0"]}]:
            assert not valid_twilio_signature(TOKEN, url, MultiDict(each), signature), each
    assert not valid_twilio_signature(TOKEN, url, MultiDict(), signature)


@every_vector
def test_a_signature_with_one_character_changed_is_bad(url: str, form: Form, signature: str) -> None:
    for place, character in enumerate(signature):
        other = "A" if character != "A" else "B"
        assert not valid_twilio_signature(TOKEN, url, form, signature[:place] + other + signature[place + 1 :])


@every_vector
def test_a_missing_or_odd_signature_is_a_bad_one(url: str, form: Form, signature: str) -> None:
    for odd in (None, "", "é", "=" * 28, signature[:-1], signature + "=", f" {signature}", signature.lower()):
        assert not valid_twilio_signature(TOKEN, url, form, odd), odd


@every_vector
def test_nobody_elses_token_signs_for_us(url: str, form: Form, signature: str) -> None:
    """No token at all is no licence either: an installation without one has no carrier to believe."""
    for token in ("54321", f"{TOKEN} ", "", TOKEN[:-1]):
        assert not valid_twilio_signature(token, url, form, signature), token


@every_vector
def test_one_requests_signature_is_no_use_for_another(url: str, form: Form, signature: str) -> None:
    """Twilio may leave the usual port out of the address it signs, so 443 in an https address makes no other."""
    ours = (url.replace(":443/", "/"), form)
    others = [row.values for row in vectors() if (row.values[0].replace(":443/", "/"), row.values[1]) != ours]
    assert len(others) >= 3
    for *_, other in others:
        assert not valid_twilio_signature(TOKEN, url, form, other), other
