/* The first steps of an answer from a phone: its frame, and what the frame says besides the answer itself.
 *
 * Twins of `web.wire` and `core.presses`, for what honest clients send and nothing else: on None their Python reads it.
 * Only the stable ABI is used, so that one build serves every Python from 3.11 on.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------- frames */

PyDoc_STRVAR(read_text_doc,
             "read_text(data, limit)\n--\n\n"
             "The payload of `data` if that is one whole masked text frame (RFC 6455 5.2) of ASCII of at most `limit` octets.");

static PyObject *read_text(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    char *data, *payload;
    Py_ssize_t size, limit, head, length;
    (void)module;
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "read_text takes two arguments");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(args[0], &data, &size) < 0)
        return NULL;
    limit = PyLong_AsSsize_t(args[1]);
    if (limit == -1 && PyErr_Occurred())
        return NULL;
    if (size < 6 || (unsigned char)data[0] != 0x81)
        Py_RETURN_NONE;
    length = (unsigned char)data[1] ^ 0x80;
    head = 6;
    if (length == 126 && size >= 8) {
        length = (Py_ssize_t)(unsigned char)data[2] << 8 | (unsigned char)data[3];
        head = 8;
    } else if (length > 125)
        Py_RETURN_NONE;
    if (size != head + length || length > limit)
        Py_RETURN_NONE;

    PyObject *found = PyBytes_FromStringAndSize(NULL, length);
    if (found == NULL)
        return NULL;
    payload = PyBytes_AsString(found);
    uint32_t mask, word, seen = 0;
    Py_ssize_t at = 0;
    memcpy(&mask, data + head - 4, 4);
    for (; at + 4 <= length; at += 4) {
        memcpy(&word, data + head + at, 4);
        word ^= mask;
        seen |= word;
        memcpy(payload + at, &word, 4);
    }
    for (const char *key = (const char *)&mask; at < length; at++) {
        payload[at] = data[head + at] ^ key[at & 3];
        seen |= (uint32_t)(payload[at] & 0x80) << 24;
    }
    if (seen & 0x80808080u) {
        Py_DECREF(found);
        Py_RETURN_NONE;
    }
    return found;
}

/* ------------------------------------------------------------------------------------------------------ presses */

typedef struct {
    const char *at, *end;
} Cursor;

/* Whether the text goes on like this; then it is passed over. */
static int pass(Cursor *cursor, const char *literal, size_t size)
{
    if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, literal, size) != 0)
        return 0;
    cursor->at += size;
    return 1;
}
#define PASS(cursor, literal) pass(cursor, literal, sizeof(literal) - 1)

/* A number without a sign, without leading zeros and of at most so many digits; -1 where there is none. */
static long long take_number(Cursor *cursor, int digits, int zero)
{
    const char *from = cursor->at;
    long long number = 0;
    if (zero && from < cursor->end && *from == '0') {
        cursor->at++;
        return 0;
    }
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9' && cursor->at - from < digits)
        number = number * 10 + (*cursor->at++ - '0');
    return cursor->at == from || *from == '0' ? -1 : number;
}

/* Whether a UUID in quotation marks stands here, in small letters; then `*from` is where it begins. */
static int take_uuid(Cursor *cursor, const char **from)
{
    const char *text = cursor->at;
    if (cursor->end - text < 38 || text[0] != '"' || text[37] != '"')
        return 0;
    for (int i = 1; i <= 36; i++) {
        char c = text[i];
        if (i == 9 || i == 14 || i == 19 || i == 24) {
            if (c != '-')
                return 0;
        } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return 0;
    }
    *from = text + 1;
    cursor->at += 38;
    return 1;
}

/* Whether 1 to `most` characters stand here, small letters or those of a time, and then a quotation mark. */
static int pass_word(Cursor *cursor, int most, int time)
{
    int count = 0;
    for (; cursor->at < cursor->end && *cursor->at != '"'; cursor->at++, count++) {
        char c = *cursor->at;
        int fits = time ? (c >= '0' && c <= '9') || c == 'T' || c == 'Z' || c == ':' || c == '.' || c == '+' || c == '-'
                        : c >= 'a' && c <= 'z';
        if (!fits)
            return 0;
    }
    return count >= 1 && count <= most && PASS(cursor, "\"");
}

static int pass_metadata(Cursor *cursor)
{
    if (!PASS(cursor, "{"))
        return 0;
    if (PASS(cursor, "\"client_timestamp\":\"") &&
        !(pass_word(cursor, 40, 1) && PASS(cursor, ",\"displayed_at\":\"") && pass_word(cursor, 40, 1) && PASS(cursor, ",")))
        return 0;
    return PASS(cursor, "\"device_type\":\"") && pass_word(cursor, 32, 0) && PASS(cursor, "}");
}

/* `tuple[at] = value`, which it takes; 0 where there is no value. */
static int put(PyObject *tuple, Py_ssize_t at, PyObject *value)
{
    return value != NULL && PyTuple_SetItem(tuple, at, value) == 0;
}

static PyObject *number_or_none(long long number)
{
    if (number < 0) {
        Py_INCREF(Py_None);
        return Py_None;
    }
    return PyLong_FromLongLong(number);
}

PyDoc_STRVAR(read_press_doc,
             "read_press(text)\n--\n\n"
             "The fields of a `Press` in their order, or None where `presses.PRESS` does not match.");

static PyObject *read_press(PyObject *module, PyObject *text)
{
    char *data;
    Py_ssize_t size;
    const char *activity, *submission, *metadata = NULL;
    long long id, round = -1, revision = -1;
    Py_ssize_t metadata_size = 0;
    (void)module;
    if (PyBytes_AsStringAndSize(text, &data, &size) < 0)
        return NULL;
    Cursor here = {data, data + size}, *cursor = &here;
    if (!PASS(cursor, "{\"id\":") || (id = take_number(cursor, 15, 1)) < 0 ||
        !PASS(cursor, ",\"type\":\"submit\",\"activity_id\":") || !take_uuid(cursor, &activity) ||
        !PASS(cursor, ",\"submission_id\":") || !take_uuid(cursor, &submission))
        Py_RETURN_NONE;
    if (PASS(cursor, ",\"round\":") && (round = take_number(cursor, 4, 0)) < 0)
        Py_RETURN_NONE;
    if (PASS(cursor, ",\"revision\":") && (revision = take_number(cursor, 6, 0)) < 0)
        Py_RETURN_NONE;
    if (PASS(cursor, ",\"metadata\":")) {
        metadata = cursor->at;
        if (!pass_metadata(cursor))
            Py_RETURN_NONE;
        metadata_size = cursor->at - metadata;
    }
    if (!PASS(cursor, ",\"data\":") || data[size - 1] != '}')
        Py_RETURN_NONE;

    PyObject *found = PyTuple_New(8);
    if (found == NULL)
        return NULL;
    Py_INCREF(text);
    if (put(found, 0, text) && put(found, 1, PyLong_FromLongLong(id)) &&
        put(found, 2, PyUnicode_FromStringAndSize(activity, 36)) && put(found, 3, PyUnicode_FromStringAndSize(submission, 36)) &&
        put(found, 4, number_or_none(round)) && put(found, 5, number_or_none(revision)) &&
        put(found, 6, metadata ? PyUnicode_FromStringAndSize(metadata, metadata_size) : PyUnicode_FromStringAndSize("{}", 2)) &&
        put(found, 7, PyBytes_FromStringAndSize(cursor->at, cursor->end - 1 - cursor->at)))
        return found;
    Py_DECREF(found);
    return NULL;
}

/* ------------------------------------------------------------------------------------------------------- module */

static PyMethodDef methods[] = {
    {"read_text", (PyCFunction)(void (*)(void))read_text, METH_FASTCALL, read_text_doc},
    {"read_press", read_press, METH_O, read_press_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "speedups", "Twins of Python functions, for answers by the thousand.", 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_speedups(void)
{
    return PyModuleDef_Init(&module);
}
