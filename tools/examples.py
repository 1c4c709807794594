"""Examples of what JSON schemas of an OpenAPI document describe."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_ANY = {"string": "string", "integer": 1, "number": 1, "boolean": True, "null": None}


def resolved(schema: Schema, document: Schema) -> Schema:
    """Return the schema that a reference names, or the schema itself."""
    while "$ref" in schema:
        *_, name = schema["$ref"].split("/")
        schema = document["components"]["schemas"][name]
    return schema


def example_of(schema: Schema, document: Schema) -> Any:
    """Return an example: the schema's own one where it has any, else one that is made up."""
    schema = resolved(schema, document)
    if "examples" in schema:
        return schema["examples"][0]
    if "default" in schema:
        return schema["default"]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], document)
    if schema.get("type") == "object":
        return {
            name: example_of(part, document)
            for name, part in schema.get("properties", {}).items()
            if name in schema.get("required", ()) or "examples" in part
        }
    if schema.get("type") == "array":
        return [example_of(schema["items"], document)]
    return schema.get("const", _ANY[schema.get("type", "null")])
