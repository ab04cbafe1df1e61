"""Answers and documents that must be refused: as raw text, with the code they get on every front."""

# The answer itself, as JSON text, to an open poll of one choice.
ANSWERS: dict[str, tuple[str, str]] = {
    "not a number": ('{"selected":[NaN]}', "number_out_of_range"),
    "infinity": ('{"selected":["a"],"x":Infinity}', "number_out_of_range"),
    "minus infinity": ('{"selected":["a"],"x":-Infinity}', "number_out_of_range"),
    "overflow": ('{"selected":["a"],"x":1e999}', "number_out_of_range"),
    "huge integer": ('{"selected":["a"],"x":' + "9" * 400 + "}", "number_out_of_range"),
    "nul character": ('{"selected":["a\\u0000"]}', "nul_character"),
    "nul character in a key": ('{"selected":["a"],"x\\u0000":1}', "nul_character"),
    "lone high surrogate": ('{"selected":["\\ud800"]}', "lone_surrogate"),
    "lone low surrogate": ('{"selected":["a"],"\\udc00":1}', "lone_surrogate"),
    "duplicate key": ('{"selected":["a"],"selected":["b"]}', "duplicate_key"),
    "too deep": ('{"selected":' + "[" * 40 + "]" * 40 + "}", "too_deep"),
    "far too deep": ("[" * 20_000 + "]" * 20_000, "too_deep"),
    "too many keys": ("{" + ",".join(f'"k{number}":1' for number in range(2_100)) + "}", "too_many_parts"),
    "too many entries": ('{"selected":[' + ",".join("1" for _ in range(2_100)) + "]}", "too_many_parts"),
    "unknown option": ('{"selected":["z"]}', "unknown_option"),
    "no option": ('{"selected":[]}', "too_few_choices"),
    "too many options": ('{"selected":["a","b"]}', "too_many_choices"),
    "an option twice": ('{"selected":["a","a"]}', "invalid"),
    "unknown field": ('{"selected":["a"],"points":1000}', "invalid"),
    "wrong type of field": ('{"selected":"a"}', "invalid"),
    "wrong type of entry": ('{"selected":[1]}', "invalid"),
    "text": ('"a"', "invalid"),
    "list": ('["a"]', "invalid"),
    "number": ("7", "invalid"),
    "null": ("null", "invalid"),
    "empty object": ("{}", "invalid"),
}

# Whole documents that are no message at all.
DOCUMENTS: dict[str, tuple[str, str]] = {
    "empty": ("", "malformed"),
    "blank": (" \n", "malformed"),
    "no JSON": ("hello?", "malformed"),
    "half an object": ('{"type":"ping","id":1', "malformed"),
    "two documents": ('{"type":"ping","id":1} {}', "malformed"),
    "raw control character": ('{"type":"ping\x01","id":1}', "malformed"),
}

# Whole documents that are no text; over a WebSocket they fail the connection (RFC 6455 §8.1).
NOT_TEXT: dict[str, tuple[bytes, str]] = {
    "not UTF-8": (b'{"type":"ping","id":1,"\xff\xfe":1}', "malformed"),
    "raw surrogate bytes": (b'{"type":"ping","id":1,"x":"\xed\xa0\x80"}', "malformed"),
}
