// SPDX-License-Identifier: Apache-2.0
// Reverse proxy: one request on its way through an HTTP server behind. Loop thread only.
#pragma once

#include <memory>

#include "host/upstream.hpp"

namespace microtome::host {}
