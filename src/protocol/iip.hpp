// SPDX-License-Identifier: Apache-2.0
// Internet Imaging Protocol: a query is a program. Its commands run strictly from left to right over a state; the
// first one that makes a picture ends it. Each area of the protocol has a file of its own, with a table of its
// commands: iip_objects (OBJ), iip_pictures (JTL, CVT, WID, ...), iip_modifiers (ROT, CNT, GAM, ...).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pixel/process.hpp"
#include "protocol/call.hpp"
#include "protocol/iip_computed.hpp"
#include "protocol/iip_query.hpp"
#include "protocol/reply.hpp"

namespace microtome::protocol {

// Runs the query and answers. 400 when it does not parse, 404 for files and tiles that are not there; faults of the
// protocol (unknown commands and objects, no picture chosen) are IIP error lines with status 200, as viewers expect.
void answer_iip(const Call& call, std::string_view query);

// The view that the commands so far have described.
struct IipView {
  std::int64_t width = 0;  // WID, HEI: 0 = not given
  std::int64_t height = 0;
  double left = 0;  // RGN, fractions of the picture
  double top = 0;
  double right = 1;
  double bottom = 1;
  std::optional<int> quality = {};              // QLT; -1 = lossless
  std::optional<std::int64_t> horizontal = {};  // SDS
  std::optional<std::int64_t> vertical = {};
  int layers = 0;                                                        // LYR; 0 = as many as the server takes
  codec::TiffCompression compression = codec::TiffCompression::deflate;  // QLT=lzw, QLT=jpeg:80...
  pixel::Operations operations = {};                                     // ROT, CNT, GAM...
};

class IipSession : public std::enable_shared_from_this<IipSession> {
 public:
  enum class Next : std::uint8_t {
    go_on,     // to the next command
    find,      // look the FIF up, then go on
    open,      // open the picture, then do this command again
    answered,  // the answer is out, or on its way
  };

  IipSession(Call call, std::vector<IipCommand> commands) : call_(std::move(call)), commands_(std::move(commands)) {
    view.compression = call_.options().tiff_compression;
  }

  void run();

  // For commands:
  [[nodiscard]] const Call& call() const { return call_; }
  IipView view;
  [[nodiscard]] bool has_file() const { return !name_.empty(); }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const image::Picture* picture() const { return picture_.get(); }  // null: ask by Next::open
  [[nodiscard]] const Views* views() const { return found_ ? found_->views.get() : nullptr; }
  // The slices at the chosen vertical position, by number; of a single picture itself, with the number 0.
  using Slices = std::vector<std::pair<std::int64_t, std::string>>;
  [[nodiscard]] Result<Slices> slices() const;
  Next choose(const std::string& file);  // FIF
  Next no_picture(const Error& error);   // what FIF names cannot be had; ends
  [[nodiscard]] bool wants_old_error() const;
  Next fail_with(Code code, std::string message);                // ends with an HTTP status
  Next fault(std::string_view code, std::string_view argument);  // an IIP error line; the other commands still run
  Next reply_line(std::string line);                             // one line of a metadata answer, without its end
  Next reply_text(std::string media_type, std::string text);
  Next make(Choose choose);                // renders the chosen file and ends
  Next compute(ChooseComputation choose);  // the same by a computation

  using Run = Next (*)(IipSession&, const IipCommand&);
  struct Entry {
    std::string_view name;
    Run run;
  };

 private:
  Next dispatch(const IipCommand& command);
  void find();
  void open();
  void finish();
  void answer_fault();
  [[nodiscard]] Result<std::string> path() const;
  [[nodiscard]] Result<std::string> path_of_view() const;

  const Call call_;
  const std::vector<IipCommand> commands_;
  std::size_t at_ = 0;
  int files_ = 0;  // FIF commands so far
  std::string name_;
  std::optional<Found> found_;
  image::PicturePtr picture_;
  std::string path_;  // of picture_
  std::string fault_;
  std::string text_;
  std::string media_type_;
};

[[nodiscard]] std::span<const IipSession::Entry> iip_objects();
[[nodiscard]] std::span<const IipSession::Entry> iip_pictures();
[[nodiscard]] std::span<const IipSession::Entry> iip_modifiers();
[[nodiscard]] std::span<const IipSession::Entry> iip_profiles();

}  // namespace microtome::protocol
