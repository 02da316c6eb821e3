/* SPDX-License-Identifier: MIT */
/*
 * Whose log it is, and whether it continues what was seen of it: by the keys and the checkpoints
 * that a competitor keeps beside the receipts.
 */
#include "client/audit/audit.h"

#include <inttypes.h>
#include <string.h>

#include "client/keyring.h"

/* Every checkpoint that was seen must be one of this log. */
static bool check_history(struct audit *audit, const struct keyring *keyring,
                          const struct log_summary *log, struct err *err)
{
    size_t n_failed = audit->n_failed;
    struct history history;

    if (!keyring_history(&history, keyring, &log->key, audit->competition.id, err)) {
        return false;
    }
    for (size_t i = 0; i < history.n; i++) {
        const struct checkpoint *seen = &history.checkpoints[i];
        struct tree_hash root;
        if (seen->size > log->checkpoint.size) {
            audit_failed(audit, "history", "you have seen %" PRIu64 " entries: some are left out",
                         seen->size);
            continue;
        }
        tree_root(&root, &log->tree, seen->size);
        if (memcmp(&root, &seen->root, sizeof(root)) != 0) {
            audit_failed(audit, "history",
                         "the first %" PRIu64 " entries are others than those you have seen",
                         seen->size);
        }
    }
    if (audit->n_failed == n_failed) {
        audit_passed("history", "the log continues the %zu checkpoints that you have seen",
                     history.n);
    }
    history_free(&history);
    return true;
}

/* True where the log is signed by the key of the keyring, under the competition's name. */
static bool is_ours(const struct audit *audit, const struct keyring *keyring,
                    const struct log_summary *log, const char *folder, struct err *err)
{
    char path[KEYRING_PATH_SIZE];
    struct note_public_key key;
    struct bytes note = {0};

    bool ok = path_join(path, sizeof(path), folder, "checkpoint", err) &&
              file_read(&note, path, NOTE_SIZE - 1, err) &&
              keyring_log(&key, keyring, audit->competition.id, note.data, note.size_bytes, err) &&
              (memcmp(key.key, log->key.key, sizeof(key.key)) == 0 ||
               err_set(err, ERR_INPUT, "the log is signed by another key than yours"));
    bytes_free(&note);
    return ok;
}

bool audit_keys(struct audit *audit, const struct log_summary *log, const char *folder,
                const char *keys, struct err *err)
{
    struct keyring keyring;
    struct err why;

    if (keys == NULL) {
        char text[NOTE_KEY_TEXT_SIZE];
        note_public_key_text(text, &log->key);
        audit_skipped("key", "whose it is: compare with what you hold (--keys DIR): %s", text);
        return true;
    }
    if (!keyring_read(&keyring, keys, NULL, err)) {
        return false;
    }
    if (!is_ours(audit, &keyring, log, folder, &why)) {
        audit_failed(audit, "key", "%s", why.text);
        return true;
    }
    audit_passed("key", "the log is signed by the key that you hold");
    return check_history(audit, &keyring, log, err);
}
