/* SPDX-License-Identifier: MIT */
/*
 * JSON trees over jansson: struct jvalue is its json_t. See the header.
 */
#include "common/jdoc.h"

#include <jansson.h>

struct jdoc {
    json_t *root;
};

static json_t *inner(const struct jvalue *value)
{
    return (json_t *)(uintptr_t)value; /* jansson's getters take it without const */
}

static const struct jvalue *outer(json_t *value)
{
    return (const struct jvalue *)value;
}

bool jdoc_open(struct jdoc **doc, const void *data, size_t size, struct err *err)
{
    json_error_t error;
    json_t *root = json_loadb(data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

    if (root == NULL) {
        uint32_t column = error.column > 0 ? (uint32_t)error.column : 1;
        return err_set_at(err, ERR_INPUT, error.line > 0 ? (uint64_t)error.line : 1, column,
                          "not JSON: %s", error.text);
    }
    *doc = malloc(sizeof(**doc));
    if (*doc == NULL) {
        json_decref(root);
        return err_set(err, ERR_SYSTEM, "no memory for a document");
    }
    (*doc)->root = root;
    return true;
}

void jdoc_close(struct jdoc **doc)
{
    if (*doc != NULL) {
        json_decref((*doc)->root);
        free(*doc);
        *doc = NULL;
    }
}

const struct jvalue *jdoc_root(const struct jdoc *doc)
{
    return outer(doc->root);
}

const struct jvalue *jvalue_member(const struct jvalue *value, const char *key)
{
    return outer(json_object_get(inner(value), key));
}

size_t jvalue_count(const struct jvalue *value)
{
    return json_array_size(inner(value));
}

const struct jvalue *jvalue_item(const struct jvalue *value, size_t index)
{
    return outer(json_array_get(inner(value), index));
}

bool jvalue_is_object(const struct jvalue *value)
{
    return json_is_object(inner(value));
}

bool jvalue_is_array(const struct jvalue *value)
{
    return json_is_array(inner(value));
}

bool jvalue_is_null(const struct jvalue *value)
{
    return value == NULL || json_is_null(inner(value));
}

bool jvalue_int(int64_t *out, const struct jvalue *value)
{
    if (!json_is_integer(inner(value))) {
        return false;
    }
    *out = json_integer_value(inner(value));
    return true;
}

bool jvalue_double(double *out, const struct jvalue *value)
{
    if (!json_is_number(inner(value))) {
        return false;
    }
    *out = json_number_value(inner(value));
    return true;
}

bool jvalue_bool(bool *out, const struct jvalue *value)
{
    if (!json_is_boolean(inner(value))) {
        return false;
    }
    *out = json_is_true(inner(value));
    return true;
}

const char *jvalue_text(const struct jvalue *value)
{
    return json_string_value(inner(value));
}

bool jvalue_next(const struct jvalue *object, void **iter, const char **key,
                 const struct jvalue **value)
{
    *iter = *iter == NULL ? json_object_iter(inner(object))
                          : json_object_iter_next(inner(object), *iter);
    if (*iter == NULL) {
        return false;
    }
    *key = json_object_iter_key(*iter);
    *value = outer(json_object_iter_value(*iter));
    return true;
}
