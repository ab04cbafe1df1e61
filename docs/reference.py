"""Writes the API reference: `python docs/reference.py`. tests/web/test_reference.py fails when a file is stale.

docs/openapi.json, docs/asyncapi.json          for integrators who read the repository
realtime/web/static/reference/                 the same, and rendered pages, as the server serves them
"""  # noqa: INP001 - a script beside the files it writes, no package

import json
import re
import sys
from html import escape
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parent
ROOT: Final = FOLDER.parent
sys.path.insert(0, str(ROOT))  # so that it runs from anywhere, on the sources beside it

from realtime.core.messages import PROTOCOL_VERSION  # noqa: E402 - see the line above
from realtime.web.api import ENDPOINTS  # noqa: E402
from realtime.web.asyncapi import build_asyncapi  # noqa: E402
from realtime.web.openapi import build_openapi  # noqa: E402

SERVED: Final = ROOT / "realtime" / "web" / "static" / "reference"
EXAMPLES: Final = ROOT / "tests" / "wire" / "examples"
VERSION: Final = f"{PROTOCOL_VERSION}.0.0"  # of the interface, not of the program


def documents() -> dict[Path, str]:
    """Every file of the reference with its content."""
    openapi = build_openapi(ENDPOINTS, VERSION)
    asyncapi = build_asyncapi(VERSION, {path.stem: json.loads(path.read_text("utf-8")) for path in EXAMPLES.glob("*.json")})
    files: dict[Path, str] = {}
    for name, document in (("openapi", openapi), ("asyncapi", asyncapi)):
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        files[FOLDER / f"{name}.json"] = files[SERVED / f"{name}.json"] = text
    files[SERVED / "index.html"] = rest_page(openapi)
    files[SERVED / "messages.html"] = messages_page(asyncapi)
    return files


def rest_page(openapi: dict[str, Any]) -> str:
    """All operations, by noun."""
    sections: dict[str, list[str]] = {}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            sections.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    body = "".join(f'<h2 id="{tag}">{tag.capitalize()}</h2>{"".join(parts)}' for tag, parts in sections.items())
    names = [(f"#{tag}", tag.capitalize()) for tag in sections]
    intro = f"<p>{_text(openapi['info']['description'])} Machine-readable: <a href='/api/v1/openapi.json'>openapi.json</a>.</p>"
    return _page("HTTP reference", names, intro + body + _schemas(openapi))


def messages_page(asyncapi: dict[str, Any]) -> str:
    """All messages of the WebSocket, by direction."""
    messages = asyncapi["components"]["messages"]
    body = ""
    for name, operation in asyncapi["operations"].items():
        body += f'<h2 id="{name}">{name.capitalize()}</h2><p>{_text(operation["summary"])}</p>'
        for reference in operation["messages"]:
            message = messages[reference["$ref"].rpartition("/")[2]]
            examples = "".join(_code(example["payload"]) for example in message["examples"])
            model = message["payload"]["$ref"].rpartition("/")[2]
            body += (
                f'<section><h3 id="{message["name"]}"><code>{message["name"]}</code></h3><p>{_text(message["summary"])}</p>'
                f'<p>Fields: <a href="#schema-{model}">{model}</a></p>{examples}</section>'
            )
    closes = "".join(
        f"<tr><td>{close['code']}</td><td>{_text(close['meaning'])}</td><td>{'yes' if close['reconnect'] else 'no'}</td></tr>"
        for close in asyncapi["channels"]["session"]["x-close-codes"]
    )
    body += f'<h2 id="closes">Close codes</h2><table><tr><th>code</th><th>meaning</th><th>reconnect</th></tr>{closes}</table>'
    names = [(f"#{name}", name.capitalize()) for name in (*asyncapi["operations"], "closes")]
    intro = f"<p>{_text(asyncapi['info']['description'])} Machine-readable: <a href='/api/v1/asyncapi.json'>asyncapi.json</a>.</p>"
    return _page("WebSocket reference", names, intro + body + _schemas(asyncapi))


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}{', needed' if one['required'] else ''}</td>"
        f"<td>{_text(one.get('description') or one['schema'].get('description', ''))} "
        f"<code>{_shape(one['schema'])}</code></td></tr>"
        for one in operation.get("parameters", [])
    )
    parts = [
        f'<section><h3 id="{operation["operationId"]}"><b class="method">{method.upper()}</b> <code>{escape(path)}</code></h3>',
        f"<p>{_text(operation['summary'])}. {_text(operation.get('description', 'Needs no ticket.'))}</p>",
        f"<table><tr><th>parameter</th><th>where</th><th></th></tr>{rows}</table>" if rows else "",
    ]
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        parts.append(f"<p>Body: {_shape(content['schema'])}</p>{_code(content['example'])}")
    answers = ""
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json")
        shown = f" {_shape(content['schema'])}" if content else ""
        example = f"<details><summary>example</summary>{_code(content['example'])}</details>" if content else ""
        answers += f"<tr><td>{status}</td><td>{_text(answer['description'])}{shown}{example}</td></tr>"
    parts.append(f"<table><tr><th>status</th><th>answer, or codes of the error</th></tr>{answers}</table></section>")
    return "".join(parts)


def _schemas(document: dict[str, Any]) -> str:
    parts = []
    for name, schema in sorted(document["components"]["schemas"].items()):
        needed = schema.get("required", [])
        rows = "".join(
            f"<tr><td><code>{escape(field)}</code>{'' if field in needed else ' (optional)'}</td><td>{_shape(shape)}</td>"
            f"<td>{_text(shape.get('description', ''))}</td></tr>"
            for field, shape in schema.get("properties", {}).items()
        )
        table = f"<table><tr><th>field</th><th>type</th><th></th></tr>{rows}</table>" if rows else ""
        parts.append(f'<section><h3 id="schema-{name}">{name}</h3><p>{_text(schema.get("description", ""))}</p>{table}</section>')
    return f'<h2 id="schemas">Fields</h2>{"".join(parts)}'


def _shape(schema: dict[str, Any]) -> str:
    """A schema in a few words, with links to the named ones."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_shape(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(escape(json.dumps(value)) for value in schema["enum"])
    if "const" in schema:
        return escape(json.dumps(schema["const"]))
    if schema.get("type") == "array":
        return f"list of {_shape(schema.get('items', {}))}"
    limits = [f"{word} {schema[key]}" for key, word in _LIMITS.items() if key in schema]
    return escape(" ".join([str(schema.get("format", schema.get("type", "any"))), *limits]))


_LIMITS: Final = {"minLength": "from", "maxLength": "to", "minimum": "from", "maximum": "to"}


def _text(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _code(document: Any) -> str:
    return f"<pre>{escape(json.dumps(document, indent=2, ensure_ascii=False), quote=False)}</pre>"


def _page(title: str, names: list[tuple[str, str]], body: str) -> str:
    links = "".join(f'<a href="{address}">{name}</a> ' for address, name in [*names, ("#schemas", "Fields")])
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Plenum · {title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/static/VERSION/reference/reference.css"></head>\n'
        '<body><nav><a href="/docs">HTTP</a> <a href="/docs/messages">WebSocket</a></nav>'
        f"<main><h1>{title}</h1><nav>{links}</nav>\n"
        f"{body}</main></body></html>\n"
    )


if __name__ == "__main__":
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
