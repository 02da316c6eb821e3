/* SPDX-License-Identifier: MIT */
/*
 * A disk in memory under SQLite: no system call, room that can run out, and power that can fail.
 * What was written and not synced may then be gone, any part of it; what was synced is there. One
 * connection at a time, as the broker has; it stays open from one life of the broker to the next
 * and from seed to seed, with its statements, and finds the file changed under it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes SQLite use this disk from here on; before its first use. False where it cannot. */
bool disk_start(void);

/* While false, SQLite and signatures are used as in production, on real files. */
void disk_use(bool is_used);

/* The database as it lies now is what disk_reset goes back to; no store is open. */
void disk_keep(void);
void disk_reset(void);

/* While full, nothing more can be written. */
void disk_fill(bool is_full);

/* The WAL is moved into the database after so many pages. */
void disk_checkpoint_at(int pages);

/* The broker's process ended: what it wrote is there, what it knew of it is not. */
void disk_restart(void);

/* The machine's power failed: of what was not synced, `chance` says what is kept. */
void disk_lose_power(bool (*chance)(void *state), void *state);
