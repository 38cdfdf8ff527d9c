// SPDX-License-Identifier: Apache-2.0
// What a Woolz program answers, once its object is open. Blocks while it computes; thread-safe.
#pragma once

#include <string>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "protocol/protocol.hpp"
#include "protocol/woolz_program.hpp"
#include "woolz/store.hpp"

namespace microtome::protocol {

struct WoolzContext {
  woolz::Store& store;
  const WoolzOptions& options;
  const std::string& path;
  woolz::ObjectPtr object;
  const CancelToken& cancel;
  woolz::Work& work;  // what all selections of the request may cost

  [[nodiscard]] woolz::Select select() const;
  [[nodiscard]] woolz::Levels levels() const;
  [[nodiscard]] woolz::TileGrid grid() const { return {options.tile_width, options.tile_height}; }
  // The request of some parameters, with its limits and the fitted view.
  [[nodiscard]] Result<woolz::Request> request(const woolz::Parameters& parameters) const;
};

// The IIP fault of a program of questions that holds whatever the object is: an unknown question, or none that has an
// answer; "" when there is none.
[[nodiscard]] std::string fault_of(const WoolzProgram& program, std::string_view query);

// The lines of all questions of a program without a fault. Code::bad_request, unsupported ... when one has no answer.
[[nodiscard]] Result<std::string> answer_questions(const WoolzContext& context, const WoolzProgram& program);

// The encoded picture. Code::not_found for tiles that are not there, Code::too_large over the limit of pixels.
[[nodiscard]] Result<engine::Engine::Computed> make_picture(const WoolzContext& context, const WoolzPicture& picture,
                                                            int default_quality);

// "Error/7:2 2 FOO" and its line end; characters that are no text are replaced.
[[nodiscard]] std::string error_line(std::string_view fault);

}  // namespace microtome::protocol
