/* SPDX-License-Identifier: MIT */
/*
 * The folder that holds everything a service on one machine keeps, and what is written into it for
 * the daemons. After state_folder_enter it is the working directory, so that the socket paths in
 * it stay short whatever its own path is.
 */
#pragma once

#include "client/up_settings.h"

enum { STATE_PATH_SIZE = 4096, STATE_ADDRESS_SIZE = 256 };

struct state_folder {
    char path[STATE_PATH_SIZE]; /* absolute */
    int lock_fd;                /* -1 when nothing is held */
};

#define STATE_ORGANIZER_TOKEN "organizer.token"
#define STATE_RECEIPT_KEY "receipt.pub"
#define STATE_LABELS "worker/labels"
#define STATE_WORKER_KEYS "worker/keys"
#define STATE_ORGANIZER_KEY "organizer.key"
#define STATE_ALLOWED_KEYS "allowed_keys"
#define STATE_ADDRESS "run/address"
#define STATE_BACKUPS "broker/backups"

/* Writes "run/broker.yaml", … for the daemon of that name. */
#define STATE_CONFIG_BROKER "run/broker.yaml"
#define STATE_CONFIG_GATEWAY "run/gateway.yaml"
#define STATE_CONFIG_WORKER "run/worker-%u.yaml" /* from 1 on */

/*
 * Makes the folder where it is missing, takes its lock and makes it the working directory.
 *
 * Errors   ERR_CONFIG  another `assay up` uses it: the text has its process id
 *          ERR_SYSTEM, ERR_LIMIT  the folder cannot be made or used
 * Owns     *folder is owned by the caller; end it with state_folder_leave
 */
MUST_CHECK bool state_folder_enter(struct state_folder *folder, const char *path, struct err *err);

/* Gives the lock back. */
void state_folder_leave(struct state_folder *folder);

/* Writes the daemons' configuration files, and makes the workers' keys. Errors: ERR_SYSTEM. */
MUST_CHECK bool state_folder_configure(const struct up_settings *settings, struct err *err);

/* Forgets the address of an earlier run. */
void state_folder_forget_address(void);

/* Reads where the gateway listens ("http://127.0.0.1:8080"); false while it does not yet, or while
 * the broker has not made its public files. */
MUST_CHECK bool state_folder_address(char address[static STATE_ADDRESS_SIZE]);

/* The port that was picked stays when the gateway is started again. Errors: ERR_SYSTEM. */
MUST_CHECK bool state_folder_keep_address(const struct up_settings *settings, const char *address,
                                          struct err *err);
