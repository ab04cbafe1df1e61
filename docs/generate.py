"""Writes the generated parts of docs/*.md: `python docs/generate.py`. tests/wire/test_documents.py fails when one is stale.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`; what is around it is written by hand.
"""  # noqa: INP001 - a script beside the pages it writes, no package

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parent
ROOT: Final = FOLDER.parent
sys.path.insert(0, str(ROOT))  # so that it runs from anywhere, on the sources beside it

from realtime.core.errors import CLOSE_MEANINGS, FIRST_FINAL_CODE, REASONS  # noqa: E402 - see the line above
from realtime.core.messages import COMMANDS, PUSHES, REPLIES, Frame  # noqa: E402
from realtime.settings import Settings, variable_of  # noqa: E402

EXAMPLES: Final = ROOT / "tests" / "wire" / "examples"
_PART: Final = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def settings() -> str:
    """Every knob with its variable, default and limits."""

    def limits(knob: "dataclasses.Field[Any]") -> str:
        least, most = knob.metadata["least"], knob.metadata["most"]
        if least is None and most is None:
            return ""
        return f"{'' if least is None else f'{least:,}'} … {'' if most is None else f'{most:,}'}".strip()

    def default(knob: "dataclasses.Field[Any]") -> str:
        value = knob.default
        return "(empty)" if value == "" else f"`{str(value).lower() if isinstance(value, bool) else value}`"

    return table(
        ["variable", "meaning", "default", "allowed"],
        ([f"`{variable_of(knob)}`", knob.metadata["doc"], default(knob), limits(knob)] for knob in dataclasses.fields(Settings)),
    )


def errors() -> str:
    """Every code of a refusal, with an anchor that the `type` of a problem document points to."""
    rows = (
        [f'<a id="{code}"></a>`{code}`', str(reason.status), "retry" if reason.retry else "refused", reason.message]
        for code, reason in REASONS.items()
    )
    return table(["code", "HTTP status", "reply", "sentence"], rows)


def closes() -> str:
    """Every close code of ours."""
    rows = (
        [str(int(code)), f"`{code.name.lower()}`", "reconnect" if code < FIRST_FINAL_CODE else "do not", meaning]
        for code, meaning in CLOSE_MEANINGS.items()
    )
    return table(["code", "name", "client", "meaning"], rows)


def message_names(model: type[Frame]) -> list[str]:
    """The values of `type` that a message goes by."""
    kind = model.model_json_schema()["properties"]["type"]
    return list(kind.get("enum", [kind.get("const")]))


def messages(models: Iterable[type[Frame]]) -> str:
    """One section per message: its sentence, its fields, an example."""
    return "\n\n".join(message(model) for model in models)


def message(model: type[Frame]) -> str:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    names = message_names(model)
    parts = [f"### {' and '.join(f'`{name}`' for name in names)}", " ".join((model.__doc__ or "").split())]
    required = set(schema.get("required", []))
    rows = [
        [f"`{name}`", shape(field, definitions), "required" if name in required else default(field), field.get("description", "")]
        for name, field in schema["properties"].items()
        if name != "type"
    ]
    parts.append(table(["field", "value", "if absent", "meaning"], rows))
    for name in names:
        example = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        parts.append(f"```json\n{json.dumps(example, ensure_ascii=False, indent=1)}\n```")
    return "\n\n".join(part for part in parts if part)


def default(field: dict[str, Any]) -> str:
    return f"`{json.dumps(field['default'], ensure_ascii=False)}`" if "default" in field else ""


def shape(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A field's JSON type and limits, in a few words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        inner = definitions[name].get("properties", {})
        return "object: " + ", ".join(f"`{key}`" for key in inner)
    if "anyOf" in field:
        return " or ".join(shape(one, definitions) for one in field["anyOf"])
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = field.get("type", "any JSON")
    if kind == "string" and "[0-9a-f]{8}" in field.get("pattern", ""):
        return "UUID"
    if kind == "array":
        return f"list of {shape(field['items'], definitions)}" if field.get("items") else "list"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"object of {shape(field['additionalProperties'], definitions)}"
    limits = [
        f"{word} {field[name]:,}"
        for name, word in (("minimum", "from"), ("maximum", "to"), ("maxLength", "at most"))
        if name in field
    ]
    if "maxLength" in field:
        limits.append("characters")
    return " ".join([kind, *limits])


PARTS: Final[dict[str, Callable[[], str]]] = {
    "settings": settings,
    "errors": errors,
    "close-codes": closes,
    "commands": lambda: messages(COMMANDS),
    "replies": lambda: messages(REPLIES),
    "pushes": lambda: messages(PUSHES),
}


def renew(text: str) -> str:
    """A page with its generated parts as they should be."""
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n\n{found[3]}", text)


def main() -> None:
    """Rewrite every page whose generated parts are stale."""
    for page in sorted(FOLDER.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        renewed = renew(text)
        if renewed != text:
            page.write_text(renewed, encoding="utf-8")


if __name__ == "__main__":
    main()
