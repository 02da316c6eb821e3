/* SPDX-License-Identifier: MIT */
/*
 * Receipts from the service into a folder, as the stock tools want them.
 */
#pragma once

#include "client/service.h"

/*
 * Stores ID.json and ID.json.minisig (and ID.result.json … once there is a result) in `folder`,
 * which is made, and checks each with the key near it (see verify.h). Where there is none, the
 * service's key is stored as receipt.pub. Gives an exit code; failures are shown.
 */
MUST_CHECK int receipts_fetch(struct service *service, const char *id, const char *folder);
