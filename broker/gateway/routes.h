/* SPDX-License-Identifier: MIT */
/*
 * Every address of the gateway.
 */
#pragma once

#include "broker/gateway/router.h"

extern const struct route routes[];
extern const size_t n_routes;

/* Those of the address for operators alone. */
extern const struct route operator_routes[];
extern const size_t n_operator_routes;
