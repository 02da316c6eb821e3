# SPDX-License-Identifier: MIT
"""Deliberate mistakes in what checks receipts and logs: a test must go red for each. Two are not here:
without the test for a log that shrinks, and for a proof of growth that is too long, such a proof is
still refused by what follows, because a hash would have to be its own parent."""
TESTS = ("test_tree", "test_note", "test_receipt", "test_verify", "test_opening", "test_store_board", "test_store_file",
         "test_worker_golden", "test_correction", "test_store_correct", "test_trust_forms")

TREE = "schemas/tree.c"
NOTE = "schemas/note.c"
RECEIPT = "schemas/receipt.c"
SSHSIG = "schemas/sshsig.c"
ENTRY = "schemas/entry.c"
HISTORY = "schemas/history.c"
KEYRING = "client/keyring.c"
VERIFY = "client/verify.c"
OPENING = "schemas/opening.c"
LABEL_LIST = "schemas/label_list.c"
ORDER = "schemas/order.c"
STORE_BOARD = "broker/store/store_board.c"
STORE_COMPLETE = "broker/store/store_complete.c"
STORE_FILE = "broker/store/store_file.c"
SCORER = "scorer/worker/scorer.c"
CORRECTION = "schemas/correction.c"
STORE_CORRECT = "broker/store/store_correct.c"

TOO_LONG = """        if (last == 0) {
            return err_set(err, ERR_INPUT, "proof is too long");
        }
"""
TOO_SHORT = """    if (last != 0) {
        return err_set(err, ERR_INPUT, "proof is too short");
    }
"""

# name: [(file, what stands there, what to put there), ...]
MUTANTS = {
    "a leaf beyond the tree": [
        (TREE, "    if (index >= size) {", "    if (index > size) {")],
    "a leaf's proof may be too long": [
        (TREE, TOO_LONG + "        if (node % 2 == 1 || node == last) {\n            join(&hash, &proof",
         "        if (node % 2 == 1 || node == last) {\n            join(&hash, &proof")],
    "a leaf's proof may be too short": [
        (TREE, TOO_SHORT + "    if (!is_same(&hash, root)) {", "    if (!is_same(&hash, root)) {")],
    "a leaf's root is not compared": [
        (TREE, "    if (!is_same(&hash, root)) {", "    if (!is_same(&hash, root) && size == 0) {")],
    "the last node of a level has a sibling": [
        (TREE, "        if (node % 2 == 1 || node == last) {\n            join(&hash, &proof->hashes[i], &hash);",
         "        if (node % 2 == 1) {\n            join(&hash, &proof->hashes[i], &hash);")],
    "the old root is not compared": [
        (TREE, "!is_same(&old_hash, old_root) || !is_same(&hash, root)", "!is_same(&hash, root)")],
    "the new root is not compared": [
        (TREE, "!is_same(&old_hash, old_root) || !is_same(&hash, root)",
         "!is_same(&old_hash, old_root) || (!is_same(&hash, root) && size == 0)")],
    "equal sizes may have two roots": [
        (TREE, "old_size == size && !is_same(old_root, root)", "old_size > size && !is_same(old_root, root)")],
    "a growth's proof may be too short": [
        (TREE, TOO_SHORT + "    if (!is_same(&old_hash", "    if (!is_same(&old_hash")],
    "a growth of nothing may have a proof": [
        (TREE, "        if (proof->n != 0) {", "        if (proof->n > 60) {")],
    "inner nodes are hashed as leaves": [
        (TREE, '"\\1"', '"\\0"')],
    "a checkpoint's signature is not checked": [
        (NOTE, "crypt_verify(signature.signature, body, body_size, key->key) ? 1 : -1",
         "crypt_verify(signature.signature, body, body_size, key->key) || body_size > 0 ? 1 : -1")],
    "a checkpoint needs no signature": [
        (NOTE, "    if (!is_signed) {", "    if (!is_signed && size == 0) {")],
    "a checkpoint of another log": [
        (NOTE, 'if (!skip(&reader, key->origin) || !skip(&reader, "\\n")) {',
         'while (reader.at < reader.end && *reader.at != \'\\n\') {\n        reader.at++;\n    }\n'
         '    if (!skip(&reader, "\\n")) {')],
    "sizes with leading zeros": [
        (NOTE, "n_digits == 1 || (n_digits > 1 && *begin != '0')", "n_digits >= 1")],
    "control characters in a signer's line": [
        (NOTE, "while (text < end && *text >= 0x20 && *text <= 0x7e) {", "while (text < end) {")],
    "a proof of another index": [
        (NOTE, "    if (said != index) {", "    if (said < index) {")],
    "a key that does not fit its hash": [
        (NOTE, "strlen(again) != size || memcmp(again, text, size) != 0", "strlen(again) != size")],
    "a receipt's signature is not checked": [
        (RECEIPT, "!crypt_verify(blob.signature, prehash, sizeof(prehash), key->key)", "prehash[0] == prehash[1] + 256")],
    "a comment's signature is not checked": [
        (RECEIPT, "!crypt_verify(global_signature, &message, sizeof(message), key->key)", "message.comment[0] == 0")],
    "bytes behind a signature file": [
        (RECEIPT, "    if (at != end) {", "    if (at > end) {")],
    "any trusted comment": [
        (RECEIPT, "!skip_text(&at, end, trusted_prefix) || !skip_text(&at, end, trusted) ||\n        "
                  '!skip_text(&at, end, "\\n")',
         "(at = memchr(at, '\\n', (size_t)(end - at))) == NULL || at++ == NULL")],
    "an SSH signature is not checked": [
        (SSHSIG, "!crypt_verify(signature, message, sizeof(message), public_key)", "message[0] == 0")],
    "an SSH signature in any armour": [
        (SSHSIG, "strlen(again) != text_size || memcmp(again, text, text_size) != 0", "text_size == 0")],
    "an entry need not be canonical": [
        (ENTRY, "again_size != size ||\n        memcmp(again, line, size) != 0", "again_size > size + 100")],
    "a history may jump": [
        (HISTORY, "step->old_size != last.size || checkpoint.size <= last.size", "checkpoint.size <= last.size")],
    "a history's growth is not checked": [
        (HISTORY, "tree_check_growth(last.size, &last.root, checkpoint.size, &checkpoint.root,\n"
                  "                             &step->growth, err)", "true")],
    "two histories": [
        (KEYRING, "    if (place == HISTORY_OTHER) {", "    if (place == HISTORY_OTHER && is_first) {")],
    "any log of the service": [
        (KEYRING, "length >= NOTE_ORIGIN_SIZE || strncmp(origin, name, (size_t)length) != 0",
         "length >= NOTE_ORIGIN_SIZE || strncmp(origin, host, strlen(host)) != 0")],
    "the second signature is not looked at": [
        (VERIFY, "sshsig_check(keyring->ssh, line, size, files->parts[PART_SSHSIG].data,\n"
                 "                        files->parts[PART_SSHSIG].size_bytes, err)", "true")],
    "the proof is not looked at": [
        (VERIFY, "entry_read(&receipt->entry, receipt->texts, line, size, err) &&\n"
                 "           check_proof(receipt, files, keyring, err)",
         "entry_read(&receipt->entry, receipt->texts, line, size, err) &&\n"
         "           (check_proof(receipt, files, keyring, err) || true)")],
    "a public score need not open": [
        (OPENING, 'return is_made_to(opening, subject, seed, "public", opening->public_score,\n'
                  '                      subject->public_commitment) &&', "return")],
    "a private score need not open": [
        (OPENING, 'is_made_to(opening, subject, seed, "private", opening->private_score,\n'
                  '                      subject->private_commitment)', "true")],
    "a line of an opening in any form": [
        (OPENING, "opening_write(again, opening) != size", "opening_write(again, opening) == 0"),
        (OPENING, " || memcmp(again, line, size) != 0", "")],
    "a NUL in a line of an opening": [
        (OPENING, " || memcmp(again, line, size) != 0", "")],
    "rows of labels in any order": [
        (LABEL_LIST, "memcmp(last, place, sizeof(place)) >= 0", "memcmp(last, place, sizeof(place)) == 0")],
    "a row of labels twice": [
        (LABEL_LIST, "memcmp(last, place, sizeof(place)) >= 0", "memcmp(last, place, sizeof(place)) > 0")],
    "an order for any competition": [
        (ORDER, "reveal/v1\\ncompetition %s", "reveal/v1\\ncompetition %.0s")],
    "an order for any seed": [
        (ORDER, "hex_text(hex, order->score_seed_sha256, SHA256_BYTES);",
         'hex_text(hex, "01234567890123456789012345678901", SHA256_BYTES);')],
    "anybody orders a reveal": [
        (STORE_BOARD, "*is_ordered = order_reveal_check(call->order, &order, organizer);",
         "*is_ordered = order_reveal_check(call->order, &order, organizer) || seed[0] != organizer[0];")],
    "the broker takes any opening": [
        (STORE_COMPLETE, "opening_fits(opening, &parts, call->result->score_seed);",
         "(opening_fits(opening, &parts, call->result->score_seed) || opening->labels > 0);")],
    "the private value is not the one that opens": [
        (STORE_COMPLETE, "return strcmp(value, opening->private_score) == 0;", "return value[0] != 1;")],
    "rows of any root": [
        (STORE_FILE, "memcmp(&sum.root, &set->sum.root, sizeof(sum.root)) == 0 && ", "")],
    "rows before the reveal": [
        (STORE_FILE, "set.board_state != BOARD_REVEALED", "set.board_state == BOARD_REVEALING")],
    "a worker opens without an order": [
        (SCORER, "order_reveal_check(job->order, &order, block->organizer) ||",
         "order_reveal_check(job->order, &order, block->organizer) || seed[0] != seed[1] ||")],
    "the old labels of a correction are not compared": [
        (CORRECTION, "!is_same(&stack[0].old_hash, old_root) || !is_same",
         "(!is_same(&stack[0].old_hash, old_root) && used == 0) || !is_same")],
    "the new labels of a correction are not compared": [
        (CORRECTION, " || !is_same(&stack[0].new_hash, new_root)",
         " || (!is_same(&stack[0].new_hash, new_root) && used == 0)")],
    "a correction's proof may be too long": [
        (CORRECTION, "if (next != correction->n_siblings) {", "if (next > correction->n_siblings) {")],
    "an unchanged subtree may change": [
        (CORRECTION, "walk->changes[walk->next].place >= step->first + step->n) {",
         "walk->changes[walk->next].place + 1 >= step->first + step->n + (step->n > 1 ? 0 : 1)) {")],
    "rows of a correction in any order": [
        (CORRECTION, "(correction->n_changes > 0 && change[-1].place >= change->place) ||",
         "(correction->n_changes > 0 && change[-1].place == change->place) ||")],
    "a row that changed into itself": [
        (CORRECTION, "            is_same(&change->old_leaf, &change->new_leaf)) {",
         "            (is_same(&change->old_leaf, &change->new_leaf) && correction->size == 0)) {")],
    "upper-case hashes in a correction": [
        (CORRECTION, "bool is_lower = memcmp(again, reader->at, HEX_SIZE) == 0;",
         "bool is_lower = again[0] != 0;")],
    "anybody corrects labels": [
        (STORE_CORRECT, "if (!is_ordered(call, &standing)) {", "if (!is_ordered(call, &standing) && call->labels < 0) {")],
    "a correction of other rows than the log's": [
        (STORE_CORRECT, "correction_check(&correction, &old_root, &new_root, err);",
         "(correction_check(&correction, &old_root, &new_root, err) || correction.size > 0);")],
    "a correction is shown before all is scored": [
        (STORE_CORRECT, "db_column_int(db, DB_JOB_OF_COMPETITION, 0) > 0 || standing", "standing")],
}
