/* SPDX-License-Identifier: MIT */
/*
 * The loader over libyaml's document API. libyaml resolves an alias to the node it names, so that a
 * node met twice is an alias. See the header.
 */
#include "common/conftable.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "common/file.h"
#include "common/text.h"

enum { PATH_MAX_BYTES = 128, DEPTH_MAX = 16, KEYS_MAX = 96, NODES_MAX = 4096 };

struct load {
    const struct conf_table *table;
    void *out;
    struct problems *problems;
    yaml_document_t *document;
    bool is_set[KEYS_MAX];
    bool is_met[NODES_MAX];
};

static const char *scalar_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static void problem_at(struct load *load, const yaml_node_t *node, const char *what,
                       const char *text)
{
    problems_add(load->problems, node->start_mark.line + 1, (uint32_t)node->start_mark.column + 1,
                 "%s%s%.80s%s", what, text == NULL ? "" : " '", text == NULL ? "" : text,
                 text == NULL ? "" : "'");
}

/* The nearest key of the mapping `prefix` ("" or "limits."), NULL where none is near. */
static const char *nearest_key(const struct conf_table *table, const char *prefix, const char *key,
                               char word[static PATH_MAX_BYTES])
{
    size_t best = strlen(key) / 3 + 2;
    const char *found = NULL;

    for (size_t i = 0; i < table->n_keys; i++) {
        const char *path = table->keys[i].path;
        char candidate[PATH_MAX_BYTES];
        if (strncmp(path, prefix, strlen(prefix)) != 0) {
            continue;
        }
        snprintf(candidate, sizeof(candidate), "%s", path + strlen(prefix));
        candidate[strcspn(candidate, ".")] = '\0';
        size_t edits = text_distance(candidate, key);
        if (edits < best) {
            best = edits;
            snprintf(word, PATH_MAX_BYTES, "%s", candidate);
            found = word;
        }
    }
    return found;
}

static const struct conf_key *find_key(const struct conf_table *table, const char *path)
{
    for (size_t i = 0; i < table->n_keys; i++) {
        if (strcmp(table->keys[i].path, path) == 0) {
            return &table->keys[i];
        }
    }
    return NULL;
}

static bool is_mapping_path(const struct conf_table *table, const char *path)
{
    size_t length = strlen(path);

    for (size_t i = 0; i < table->n_keys; i++) {
        if (strncmp(table->keys[i].path, path, length) == 0 && table->keys[i].path[length] == '.') {
            return true;
        }
    }
    return false;
}

/* What is wrong with a value, or NULL: the words before the offending text. */
static const char *set_int(int64_t *member, const struct conf_key *key, const char *text,
                           char words[static PATH_MAX_BYTES])
{
    char *end;

    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0) {
        return "expected a whole number, found";
    }
    if (value < key->min || value > key->max) {
        snprintf(words, PATH_MAX_BYTES, "expected %" PRId64 " to %" PRId64 ", found", key->min,
                 key->max);
        return words;
    }
    *member = value;
    return NULL;
}

static const char *set_enum(int *member, const struct conf_key *key, const char *text,
                            char words[static PATH_MAX_BYTES])
{
    size_t length = 0;

    length += (size_t)snprintf(words, PATH_MAX_BYTES, "expected ");
    for (int i = 0; key->choices[i] != NULL; i++) {
        if (strcmp(key->choices[i], text) == 0) {
            *member = i;
            return NULL;
        }
        if (length < PATH_MAX_BYTES) {
            length += (size_t)snprintf(words + length, PATH_MAX_BYTES - length, "%s%s",
                                       i == 0 ? "" : " | ", key->choices[i]);
        }
    }
    if (length < PATH_MAX_BYTES) {
        snprintf(words + length, PATH_MAX_BYTES - length, ", found");
    }
    return words;
}

static const char *set_bool(bool *member, const char *text)
{
    static const char *const yes[] = {"true", "on", "yes"};
    static const char *const no[] = {"false", "off", "no"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *member = strcmp(text, yes[i]) == 0;
            return NULL;
        }
    }
    return "expected true or false, found";
}

static const char *set_text(char *member, const struct conf_key *key, const char *text,
                            char words[static PATH_MAX_BYTES])
{
    size_t length = strlen(text);

    if (length >= key->size) {
        snprintf(words, PATH_MAX_BYTES, "text has %zu bytes, limit is %zu:", length, key->size - 1);
        return words;
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return "control characters are not allowed:";
        }
    }
    if (key->type == CONF_ID &&
        (length == 0 || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)) {
        return "expected lower-case letters, digits and '-', found";
    }
    memcpy(member, text, length + 1);
    return NULL;
}

static const char *set_null(void *member, const struct conf_key *key)
{
    if (!key->is_nullable) {
        return "a value is needed here, found";
    }
    if (key->type == CONF_INT || key->type == CONF_TIME) {
        *(int64_t *)member = CONF_NULL;
    } else {
        *(char *)member = '\0';
    }
    return NULL;
}

static const char *set_value(void *out, const struct conf_key *key, const char *text, bool is_plain,
                             char words[static PATH_MAX_BYTES])
{
    void *member = (char *)out + key->offset;
    struct err err;

    if (is_plain && (strcmp(text, "null") == 0 || strcmp(text, "~") == 0 || *text == '\0')) {
        return set_null(member, key);
    }
    switch (key->type) {
    case CONF_TEXT:
    case CONF_ID:
        return set_text(member, key, text, words);
    case CONF_ENUM:
        return set_enum(member, key, text, words);
    case CONF_INT:
        return is_plain ? set_int(member, key, text, words) : "expected a number without quotes:";
    case CONF_TIME:
        return time_read(member, text, &err) ? NULL
                                             : "expected a UTC time such as 2017-06-01T00:00:00Z, "
                                               "found";
    case CONF_BOOL:
        return set_bool(member, text);
    }
    return "unknown type of";
}

static void load_scalar(struct load *load, const struct conf_key *key, const yaml_node_t *node)
{
    char words[PATH_MAX_BYTES];
    size_t index = (size_t)(key - load->table->keys);

    if (node->type != YAML_SCALAR_NODE) {
        problem_at(load, node, "expected one value for key", key->path);
        return;
    }
    if (strlen(scalar_text(node)) != node->data.scalar.length) {
        problem_at(load, node, "a NUL byte is not allowed", NULL);
        return;
    }
    bool is_plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    const char *wrong = set_value(load->out, key, scalar_text(node), is_plain, words);
    if (wrong != NULL) {
        problem_at(load, node, wrong, scalar_text(node));
    }
    load->is_set[index] = true;
}

static yaml_node_t *meet(struct load *load, int id)
{
    yaml_node_t *node = yaml_document_get_node(load->document, id);

    if (id >= NODES_MAX) {
        problem_at(load, node, "too many values in one file", NULL);
        return NULL;
    }
    if (load->is_met[id]) {
        problem_at(load, node, "aliases are not allowed", NULL);
        return NULL;
    }
    load->is_met[id] = true;
    return node;
}

static void unknown_key(struct load *load, const yaml_node_t *node, const char *prefix)
{
    char word[PATH_MAX_BYTES];
    const char *near = nearest_key(load->table, prefix, scalar_text(node), word);

    problems_add(load->problems, node->start_mark.line + 1, (uint32_t)node->start_mark.column + 1,
                 "unknown key '%.60s'%s%s%s", scalar_text(node),
                 near == NULL ? "" : ", did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?");
}

/* A mapping still to be walked: libyaml's node, and the path of its keys ("limits."). */
struct level {
    const yaml_node_t *node;
    char prefix[PATH_MAX_BYTES];
};

struct levels {
    struct level items[KEYS_MAX];
    size_t n;
};

static bool is_repeated(const struct load *load, const yaml_node_t *mapping,
                        const yaml_node_pair_t *pair)
{
    const char *key = scalar_text(yaml_document_get_node(load->document, pair->key));

    for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++) {
        const yaml_node_t *earlier = yaml_document_get_node(load->document, p->key);
        if (earlier->type == YAML_SCALAR_NODE && strcmp(scalar_text(earlier), key) == 0) {
            return true;
        }
    }
    return false;
}

static void load_pair(struct load *load, struct levels *levels, const struct level *level,
                      const yaml_node_pair_t *pair)
{
    char path[PATH_MAX_BYTES];
    yaml_node_t *key_node = meet(load, pair->key);
    yaml_node_t *value = key_node == NULL ? NULL : meet(load, pair->value);

    if (value == NULL) {
        return;
    }
    if (key_node->type != YAML_SCALAR_NODE) {
        problem_at(load, key_node, "expected a key", NULL);
        return;
    }
    if (is_repeated(load, level->node, pair)) {
        problem_at(load, key_node, "repeated key", scalar_text(key_node));
        return;
    }
    int n = snprintf(path, sizeof(path), "%s%s", level->prefix, scalar_text(key_node));
    const struct conf_key *key = n < (int)sizeof(path) - 1 ? find_key(load->table, path) : NULL;
    if (key != NULL) {
        load_scalar(load, key, value);
    } else if (n < (int)sizeof(path) - 1 && is_mapping_path(load->table, path)) {
        if (value->type != YAML_MAPPING_NODE) {
            problem_at(load, value, "expected keys below", path);
        } else if (levels->n < KEYS_MAX) {
            struct level *next = &levels->items[levels->n++];
            next->node = value;
            memcpy(next->prefix, path, (size_t)n);
            memcpy(next->prefix + n, ".", 2);
        }
    } else {
        unknown_key(load, key_node, level->prefix);
    }
}

static void load_document(struct load *load)
{
    static _Thread_local struct levels levels;
    yaml_node_t *root = yaml_document_get_root_node(load->document);

    if (root == NULL) {
        problems_add(load->problems, 1, 1, "the file is empty");
        return;
    }
    if (root->type != YAML_MAPPING_NODE) {
        problem_at(load, root, "expected keys at the top of the file", NULL);
        return;
    }
    levels.n = 1;
    levels.items[0] = (struct level){.node = root};
    for (size_t i = 0; i < levels.n; i++) {
        const yaml_node_t *node = levels.items[i].node;
        for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
             pair < node->data.mapping.pairs.top; pair++) {
            load_pair(load, &levels, &levels.items[i], pair);
        }
    }
}

static void fill_missing(struct load *load)
{
    char words[PATH_MAX_BYTES];

    for (size_t i = 0; i < load->table->n_keys; i++) {
        const struct conf_key *key = &load->table->keys[i];
        if (load->is_set[i]) {
            continue;
        }
        if (key->fallback == NULL) {
            problems_add(load->problems, 1, 1, "key '%s' is missing: %s", key->path, key->help);
        } else if (set_value(load->out, key, key->fallback, true, words) != NULL) {
            abort(); /* tidy: a wrong default in a table is a programmer's mistake */
        }
    }
}

static void syntax_problem(const yaml_parser_t *parser, struct problems *problems)
{
    problems_add(problems, parser->problem_mark.line + 1, (uint32_t)parser->problem_mark.column + 1,
                 "not YAML: %s", parser->problem == NULL ? "cannot be read" : parser->problem);
}

bool conf_load(void *out, const struct conf_table *table, const void *text, size_t size,
               struct problems *problems)
{
    yaml_parser_t parser;
    yaml_document_t document;
    yaml_document_t rest;
    uint64_t n_before = problems->n_all;
    struct load load = {.table = table, .out = out, .problems = problems, .document = &document};

    if (!yaml_parser_initialize(&parser)) {
        problems_add(problems, 1, 1, "no memory to read YAML");
        return false;
    }
    yaml_parser_set_input_string(&parser, text, size);
    if (!yaml_parser_load(&parser, &document)) {
        syntax_problem(&parser, problems);
        goto out;
    }
    load_document(&load);
    if (yaml_parser_load(&parser, &rest)) {
        if (yaml_document_get_root_node(&rest) != NULL) {
            problem_at(&load, yaml_document_get_root_node(&rest), "a second document begins here",
                       NULL);
        }
        yaml_document_delete(&rest);
    } else {
        syntax_problem(&parser, problems);
    }
    yaml_document_delete(&document);
    if (problems->n_all == n_before) {
        fill_missing(&load);
    }
out:
    yaml_parser_delete(&parser);
    return problems->n_all == n_before;
}

bool conf_load_file(void *out, const struct conf_table *table, const char *path,
                    struct problems *problems, struct err *err)
{
    struct bytes text = {0};

    if (!file_read(&text, path, CONF_FILE_MAX, err)) {
        return false;
    }
    bool ok = conf_load(out, table, text.data, text.size_bytes, problems);
    bytes_free(&text);
    if (!ok) {
        const struct problem *first = &problems->kept[0];
        char more[48] = "";
        if (problems->n_all > 1) {
            snprintf(more, sizeof(more), " (and %" PRIu64 " more)", problems->n_all - 1);
        }
        err_set_at(err, ERR_CONFIG, first->line, first->column, "%s:%" PRIu64 ":%" PRIu32 ": %s%s",
                   path, first->line, first->column, first->text, more);
    }
    return ok;
}

/* The keys of the mapping above the last name of a path: "limits.per_day" -> 6. */
static size_t parent_length(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot == NULL ? 0 : (size_t)(dot - path);
}

static void print_value(FILE *out, const struct conf_key *key, const void *values)
{
    const void *member = (const char *)values + key->offset;
    char text[TIME_TEXT_SIZE];

    switch (key->type) {
    case CONF_TEXT:
    case CONF_ID:
        fputc('"', out);
        for (const char *c = member; *c != '\0'; c++) {
            fprintf(out, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
        }
        fputc('"', out);
        return;
    case CONF_ENUM:
        fputs(key->choices[*(const int *)member], out);
        return;
    case CONF_BOOL:
        fputs(*(const bool *)member ? "true" : "false", out);
        return;
    case CONF_INT:
    case CONF_TIME:
        if (*(const int64_t *)member == CONF_NULL) {
            fputs("null", out);
        } else if (key->type == CONF_INT) {
            fprintf(out, "%" PRId64, *(const int64_t *)member);
        } else {
            time_text(text, *(const int64_t *)member);
            fputs(text, out);
        }
        return;
    }
}

void conf_print(FILE *out, const struct conf_table *table, const void *values)
{
    const char *open = "";
    size_t open_length = 0;

    for (size_t i = 0; i < table->n_keys; i++) {
        const char *path = table->keys[i].path;
        size_t length = parent_length(path);
        size_t same = 0;
        size_t depth = 0;
        for (size_t j = 0; j < length; j++) { /* parents that the key before had not opened */
            if (same == j && j < open_length && open[j] == path[j]) {
                same = j + 1;
            }
        }
        bool is_open = same == length && (open_length == length || open[length] == '.');
        for (size_t j = 0; j < length;) {
            size_t part = strcspn(path + j, ".");
            bool is_new = !is_open && (j + part > same || open_length < j + part);
            if (is_new) {
                fprintf(out, "%*s%.*s:\n", (int)(2 * depth), "", (int)part, path + j);
            }
            depth++;
            j += part + 1;
        }
        fprintf(out, "%*s%s: ", (int)(2 * depth), "", path + (length == 0 ? 0 : length + 1));
        print_value(out, &table->keys[i], values);
        fputc('\n', out);
        open = path;
        open_length = length;
    }
}

static void write_key_schema(struct jwriter *writer, const struct conf_key *key)
{
    static const char *const types[] = {"string",  "string", "string",
                                        "integer", "string", "boolean"};

    jwriter_object(writer);
    jwriter_key_text(writer, "description", key->help);
    if (key->is_nullable) {
        jwriter_key(writer, "type");
        jwriter_array(writer);
        jwriter_text(writer, types[key->type]);
        jwriter_text(writer, "null");
        jwriter_array_end(writer);
    } else {
        jwriter_key_text(writer, "type", types[key->type]);
    }
    if (key->type == CONF_INT) {
        jwriter_key_int(writer, "minimum", key->min);
        jwriter_key_int(writer, "maximum", key->max);
    } else if (key->type == CONF_TEXT || key->type == CONF_ID) {
        jwriter_key_int(writer, "maxLength", (int64_t)key->size - 1);
    } else if (key->type == CONF_TIME) {
        jwriter_key_text(writer, "format", "date-time");
    } else if (key->type == CONF_ENUM) {
        jwriter_key(writer, "enum");
        jwriter_array(writer);
        for (size_t i = 0; key->choices[i] != NULL; i++) {
            jwriter_text(writer, key->choices[i]);
        }
        jwriter_array_end(writer);
    }
    if (key->type == CONF_ID) {
        jwriter_key_text(writer, "pattern", "^[a-z0-9-]+$");
    }
    jwriter_object_end(writer);
}

/* The names below `prefix`, each once; a name with names below it becomes an object of its own. */
static void write_level_schema(struct jwriter *writer, const struct conf_table *table,
                               const char *prefix) /* tidy: recursion follows the table's depth */
{
    size_t skip = strlen(prefix);
    const char *last = "";
    size_t last_length = 0;

    jwriter_key_text(writer, "type", "object");
    jwriter_key_bool(writer, "additionalProperties", false);
    jwriter_key(writer, "required");
    jwriter_array(writer);
    for (size_t i = 0; i < table->n_keys; i++) {
        const struct conf_key *key = &table->keys[i];
        if (key->fallback == NULL && strncmp(key->path, prefix, skip) == 0) {
            size_t part = strcspn(key->path + skip, ".");
            jwriter_text_n(writer, key->path + skip, part);
        }
    }
    jwriter_array_end(writer);
    jwriter_key(writer, "properties");
    jwriter_object(writer);
    for (size_t i = 0; i < table->n_keys; i++) {
        const char *path = table->keys[i].path;
        if (strncmp(path, prefix, skip) != 0) {
            continue;
        }
        size_t part = strcspn(path + skip, ".");
        if (part == last_length && strncmp(path + skip, last, part) == 0) {
            continue; /* below the object written before */
        }
        char name[PATH_MAX_BYTES];
        snprintf(name, sizeof(name), "%.*s", (int)part, path + skip);
        jwriter_key(writer, name);
        if (path[skip + part] == '.') {
            char below[PATH_MAX_BYTES];
            snprintf(below, sizeof(below), "%.*s.", (int)(skip + part), path);
            jwriter_object(writer);
            write_level_schema(writer, table, below);
            jwriter_object_end(writer);
        } else {
            write_key_schema(writer, &table->keys[i]);
        }
        last = path + skip;
        last_length = part;
    }
    jwriter_object_end(writer);
}

void conf_write_schema(struct jwriter *writer, const struct conf_table *table, const char *id)
{
    jwriter_object(writer);
    jwriter_key_text(writer, "$schema", "https://json-schema.org/draft/2020-12/schema");
    jwriter_key_text(writer, "$id", id);
    jwriter_key_text(writer, "title", table->title);
    write_level_schema(writer, table, "");
    jwriter_object_end(writer);
}

static void write_type(FILE *out, const struct conf_key *key)
{
    switch (key->type) {
    case CONF_TEXT:
        fprintf(out, "text, to %zu bytes", key->size - 1);
        break;
    case CONF_ID:
        fprintf(out, "`[a-z0-9-]`, to %zu bytes", key->size - 1);
        break;
    case CONF_ENUM:
        for (size_t i = 0; key->choices[i] != NULL; i++) {
            fprintf(out, "%s`%s`", i == 0 ? "" : " or ", key->choices[i]);
        }
        break;
    case CONF_INT:
        fprintf(out, "%" PRId64 " to %" PRId64, key->min, key->max);
        break;
    case CONF_TIME:
        fputs("UTC time", out);
        break;
    case CONF_BOOL:
        fputs("`true` or `false`", out);
        break;
    }
    if (key->unit != NULL) {
        fprintf(out, ", %s", key->unit);
    }
    fputs(key->is_nullable ? ", or `null`" : "", out);
}

void conf_write_reference(FILE *out, const struct conf_table *table)
{
    fprintf(out, "# %s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", table->title);
    for (size_t i = 0; i < table->n_keys; i++) {
        const struct conf_key *key = &table->keys[i];
        fprintf(out, "| `%s` | ", key->path);
        write_type(out, key);
        if (key->fallback == NULL) {
            fprintf(out, " | required | %s |\n", key->help);
        } else {
            fprintf(out, " | `%s` | %s |\n", key->fallback[0] == '\0' ? "\"\"" : key->fallback,
                    key->help);
        }
    }
}
