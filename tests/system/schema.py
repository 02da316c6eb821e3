# SPDX-License-Identifier: MIT
"""Checks JSON against a JSON Schema: the words that schemas/*.schema.json use, no others."""
import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
NOTES = {"$schema", "$id", "$defs", "title", "description", "default"}


def is_type(value, name):
    if name in ("integer", "number"):
        return isinstance(value, int if name == "integer" else (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def check_object(value, schema, root, where):
    missing = set(schema.get("required", ())) - set(value)
    assert not missing, f"{where}: {missing} missing"
    for name, member in value.items():
        inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", True))
        assert inner is not False, f"{where}: {name} is not in the schema"
        if inner is not True:
            check(member, inner, root, f"{where}.{name}")


def check_array(value, schema, root, where):
    assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)), f"{where}: {len(value)} items"
    for index, item in enumerate(value):
        check(item, schema.get("items", {}), root, f"{where}[{index}]")


def check(value, schema, root=None, where="$"):
    """Raises AssertionError, with the place, where `value` is not what `schema` says."""
    root = root or schema
    unknown = set(schema) - NOTES - {"$ref", "type", "const", "enum", "pattern", "minimum", "maximum", "required",
                                     "properties", "additionalProperties", "items", "minItems", "maxItems"}
    assert not unknown, f"the checker does not know {unknown}"
    if "$ref" in schema:
        check(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, where)
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    assert not names or any(is_type(value, name) for name in names), f"{where}: {value!r} is not {names}"
    assert value == schema.get("const", value), f"{where}: {value!r} is not {schema.get('const')!r}"
    assert value in schema.get("enum", [value]), f"{where}: {value!r} is not one of {schema.get('enum')}"
    if isinstance(value, str):
        assert re.search(schema.get("pattern", ""), value), f"{where}: {value!r} is not {schema.get('pattern')}"
    elif is_type(value, "number"):
        assert schema.get("minimum", value) <= value <= schema.get("maximum", value), f"{where}: {value} is out of range"
    elif isinstance(value, dict):
        check_object(value, schema, root, where)
    elif isinstance(value, list):
        check_array(value, schema, root, where)
