/* SPDX-License-Identifier: MIT */
/*
 * Every address of the gateway.
 */
#pragma once

#include "broker/gateway/router.h"

extern const struct route routes[];
extern const size_t n_routes;
