"""The API's own description: complete, and served without a word to any other host."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from chat.api import api


@pytest.fixture
def schema(client: Client) -> Any:
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200
    return json.loads(answer.content)


def operations(schema: Any) -> list[tuple[str, str, Any]]:
    return [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    ]


def refs(value: Any) -> list[str]:
    """Every `$ref` in a document."""
    if isinstance(value, dict):
        return [*([value["$ref"]] if "$ref" in value else []), *(ref for each in value.values() for ref in refs(each))]
    return [ref for each in value for ref in refs(each)] if isinstance(value, list) else []


def test_every_reference_leads_somewhere(schema: Any) -> None:
    found = refs(schema)
    assert "#/components/schemas/ChatObject" in found
    for ref in found:
        target = schema
        for step in ref.removeprefix("#/").split("/"):
            target = target[step]
        assert isinstance(target, dict)


def test_every_operation_has_a_name_of_its_own_words_and_answers(schema: Any) -> None:
    found = operations(schema)
    assert schema["openapi"].startswith("3.")
    assert len({operation["operationId"] for _, _, operation in found}) == len(found) > 8
    for path, method, operation in found:
        assert operation["description"].rstrip().endswith("."), path
        assert any(str(status).startswith("2") for status in operation["responses"]), path
        assert "4XX" in operation["responses"]
        assert operation["security"], path
        named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path)), path
        if method == "patch":
            assert operation["requestBody"]["required"] is True


def test_refusals_have_one_shape(schema: Any) -> None:
    problem = schema["components"]["schemas"]["Problem"]
    assert set(problem["required"]) == {"code", "message"}
    for _, _, operation in operations(schema):
        content = operation["responses"]["4XX"]["content"]["application/json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_the_page_and_what_it_loads_come_from_here(client: Client) -> None:
    answer = client.get("/api/docs")
    assert answer.status_code == 200
    page = answer.content.decode()
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page)
    assert addresses
    for address in addresses:
        assert address.startswith("/static/"), address
        assert finders.find(address.removeprefix("/static/")), address
    assert re.findall(r"(?:https?:)?//\w[\w.-]*\.\w+", page) == []
    assert "/api/openapi.json" in page


def test_the_description_is_that_of_the_code(schema: Any) -> None:
    assert schema["paths"].keys() == api.get_openapi_schema()["paths"].keys()
