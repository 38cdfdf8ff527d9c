// SPDX-License-Identifier: Apache-2.0
#include "protocol/iip.hpp"

#include <algorithm>
#include <array>

#include "http/status.hpp"
#include "http/text.hpp"
#include "image/picture.hpp"
#include "protocol/deepzoom.hpp"
#include "protocol/iiif.hpp"
#include "protocol/numbers.hpp"
#include "protocol/woolz.hpp"
#include "protocol/zoomify.hpp"
#include "set/hash.hpp"

namespace microtome::protocol {
namespace {

using Next = IipSession::Next;

constexpr int kMostFiles = 8;
constexpr std::string_view kIipType = "application/vnd.netfpx";
constexpr std::size_t kMostEcho = 200;  // bytes of a query that an error repeats

// "../" is taken out until none is left, as the old servers did; what remains is looked up below the roots, and
// refused when it still climbs.
Next choose_file(IipSession& session, const IipCommand& command) {
  std::string file = command.argument;
  for (std::size_t at = file.find("../"); at != std::string::npos; at = file.find("../", at < 2 ? 0 : at - 2)) {
    file.erase(at, 3);
  }
  return file.empty() ? session.no_picture({Code::not_found, "no such picture", {}}) : session.choose(file);
}

// SDS=x or x,y. One number leaves the vertical position at its usual 90.
Next choose_position(IipSession& session, const IipCommand& command) {
  const std::string_view text = command.argument;
  const std::size_t comma = text.find(',');
  const auto x = parse_int(text.substr(0, comma));
  const auto y = comma == std::string_view::npos ? std::nullopt : parse_int(text.substr(comma + 1));
  if (!x || (comma != std::string_view::npos && !y)) {
    return session.fail_with(Code::bad_request, "SDS needs one or two whole numbers");
  }
  session.view.horizontal = x;
  session.view.vertical = y;
  return session.choose(session.name());
}

// LYR=n: of JPEG 2000 only the first n quality layers. What is no number from 1 to 256 means nothing.
Next choose_layers(IipSession& session, const IipCommand& command) {
  constexpr std::int64_t kMostLayers = 256;
  const auto layers = parse_int(command.argument);
  if (!layers || *layers < 1 || *layers > kMostLayers) {
    return Next::go_on;
  }
  session.view.layers = static_cast<int>(*layers);
  return session.choose(session.name());  // a picture of its own
}

// By name, because a session knows no more of a file before it is open.
bool is_jpeg2000_name(std::string_view path) {
  static constexpr std::array<std::string_view, 9> kEndings{".jp2", ".jpx", ".jpf", ".jph", ".jhc",
                                                            ".j2k", ".j2c", ".jpc", ".jpm"};
  std::string name(path.substr(path.rfind('/') + 1));
  std::ranges::transform(name, name.begin(), http::to_lower);
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return name.ends_with(ending); });
}

Manner manner_of(const IipSession& session) {
  return {session.view.quality, session.view.operations};
}

Next deep_zoom(IipSession& session, const IipCommand& command) {
  // In a query the extension of a tile means nothing: it is JPEG.
  std::string name = command.argument;
  const std::size_t dot = name.rfind('.');
  if (name.find("_files/") != std::string::npos && dot != std::string::npos &&
      name.find('/', dot) == std::string::npos) {
    name.replace(dot, std::string::npos, ".jpg");
  }
  answer_deepzoom(session.call(), name, manner_of(session));
  return Next::answered;
}

Next zoomify(IipSession& session, const IipCommand& command) {
  answer_zoomify(session.call(), command.argument, manner_of(session));
  return Next::answered;
}

Next image_api(IipSession& session, const IipCommand& command) {
  answer_iiif_query(session.call(), command.argument, manner_of(session));
  return Next::answered;
}

Next nothing(IipSession&, const IipCommand&) {
  return Next::go_on;
}

constexpr std::array<IipSession::Entry, 8> kGeneral{{
    {"DEEPZOOM", deep_zoom},
    {"FIF", choose_file},
    {"SDS", choose_position},
    {"ICC", nothing},
    {"LYR", choose_layers},
    {"WLZ", nothing},  // FIF came after it: the last name counts
    {"IIIF", image_api},
    {"ZOOMIFY", zoomify},
}};

IipSession::Run find_in(std::span<const IipSession::Entry> table, std::string_view name) {
  const auto at = std::ranges::find(table, name, &IipSession::Entry::name);
  return at != table.end() ? at->run : nullptr;
}

}  // namespace

void answer_iip(const Call& call, std::string_view query) {
  auto commands = parse_iip(query);
  if (!commands) {
    return answer_error(call, commands.error());
  }
  if (is_woolz(*commands)) {
    return answer_woolz(call, *commands, query);
  }
  std::make_shared<IipSession>(call, std::move(*commands))->run();
}

IipSession::Next IipSession::dispatch(const IipCommand& command) {
  for (const auto table :
       {std::span<const Entry>(kGeneral), iip_objects(), iip_pictures(), iip_modifiers(), iip_profiles()}) {
    if (const Run run = find_in(table, command.name)) {
      return run(*this, command);
    }
  }
  return fault("2 2", command.name);
}

void IipSession::run() {
  while (at_ < commands_.size()) {
    switch (dispatch(commands_[at_])) {
      case Next::go_on:
        ++at_;
        break;
      case Next::find:
        ++at_;
        return find();
      case Next::open:
        return open();
      case Next::answered:
        return;
    }
  }
  finish();
}

IipSession::Next IipSession::choose(const std::string& file) {
  if (file.empty()) {
    return Next::go_on;  // SDS before FIF
  }
  if (file != name_) {
    if (++files_ > kMostFiles) {
      return fail_with(Code::bad_request, "too many pictures in one request");
    }
    name_ = file;
    found_.reset();
  }
  picture_.reset();
  return found_ ? Next::go_on : Next::find;
}

void IipSession::find() {
  auto self = shared_from_this();
  find_name(
      call_, Names::files_first, name_,
      [self](Found found) {
        self->found_ = std::move(found);
        self->run();
      },
      [self](const Error& error) { (void)self->no_picture(error); });
}

Result<IipSession::Slices> IipSession::slices() const {
  Slices found;
  if (!found_->views) {
    const int pages = picture_ && picture_->info().stack ? picture_->info().stack->pages : 1;
    const auto part = image::split_part(found_->path);
    const std::string file = part ? part->file : found_->path;
    found.emplace_back(0, found_->path);
    for (int page = 1; page < pages; ++page) {
      found.emplace_back(page, file + ";" + std::to_string(page));
    }
    return found;
  }
  for (const std::int64_t number : found_->views->horizontal()) {
    if (auto where = found_->views->path(number, view.vertical)) {
      found.emplace_back(number, std::move(*where));
    }
  }
  return found.empty() ? Result<Slices>(fail(Code::not_found, "no such picture")) : found;
}

Result<std::string> IipSession::path() const {
  auto where = path_of_view();
  if (where && view.layers > 0 && is_jpeg2000_name(*where)) {
    *where += ";@layers" + std::to_string(view.layers);
  }
  return where;
}

Result<std::string> IipSession::path_of_view() const {
  if (found_->views) {
    return found_->views->path(view.horizontal, view.vertical);
  }
  // A page of a stack; pictures that are none have no positions, and always answered to all of them.
  if (view.horizontal.value_or(0) > 0 && !image::split_part(found_->path)) {
    return found_->path + ";@" + std::to_string(*view.horizontal);
  }
  return found_->path;
}

void IipSession::open() {
  auto where = path();
  if (!where) {
    (void)no_picture(where.error());
    return;
  }
  path_ = std::move(*where);
  call_.engine().open(path_, call_.exchange->cancel(), [self = shared_from_this()](Result<image::PicturePtr> opened) {
    if (!opened) {
      Error error = std::move(opened.error());
      if (error.code == Code::corrupt || error.code == Code::unsupported) {
        error.code = Code::not_found;  // as the old servers answered: no picture of this name
      }
      (void)self->no_picture(error);
      return;
    }
    self->picture_ = std::move(*opened);
    learn(self->call_, self->path_, self->picture_->info());
    self->run();
  });
}

// WlzIIPSrv's own words for clients that read text: they know that line, and some break on another status. Pictures,
// and names that climb or are absolute, are refused with the status.
bool IipSession::wants_old_error() const {
  return stands_for_wlziipsrv(call_) && std::ranges::all_of(commands_, [](const IipCommand& command) {
           const bool plain = !command.argument.starts_with('/') && command.argument.find("..") == std::string::npos;
           return command.name == "OBJ" || command.name == "SDS" || (command.name == "FIF" && plain);
         });
}

IipSession::Next IipSession::no_picture(const Error& error) {
  if (error.code != Code::not_found || !wants_old_error()) {
    answer_error(call_, error);
    return Next::answered;
  }
  log_error(call_, error);
  (void)fault("1 3", "FIF");
  answer_fault();
  return Next::answered;
}

IipSession::Next IipSession::fail_with(Code code, std::string message) {
  answer_error(call_, {code, std::move(message), {}});
  return Next::answered;
}

IipSession::Next IipSession::fault(std::string_view code, std::string_view argument) {
  if (fault_.empty()) {
    std::string text = std::string(code) + " " + std::string(argument.substr(0, kMostEcho));
    std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    fault_ = "Error/" + std::to_string(text.size()) + ":" + text + "\r\n";
  }
  return Next::go_on;
}

IipSession::Next IipSession::reply_line(std::string line) {
  return reply_text(std::string(kIipType), std::move(line));
}

IipSession::Next IipSession::reply_text(std::string media_type, std::string text) {
  const bool protocol_line = media_type == kIipType;
  if (media_type_.empty() || protocol_line) {
    media_type_ = std::move(media_type);
  }
  text_ += text;
  text_ += "\r\n";
  return Next::go_on;
}

IipSession::Next IipSession::make(Choose choose) {
  auto where = path();
  if (!where) {
    return no_picture(where.error());
  }
  PictureReply reply;
  reply.learn = true;
  reply.undecodable_is_404 = true;
  if (*where == found_->path) {  // what is remembered by the address alone
    reply.name = found_->lease;
  }
  render(call_, *where, std::move(choose), reply);
  return Next::answered;
}

IipSession::Next IipSession::compute(ChooseComputation choose) {
  auto where = path();
  if (!where) {
    return no_picture(where.error());
  }
  answer_computed(call_, *where, std::move(choose));
  return Next::answered;
}

void IipSession::finish() {
  if (!fault_.empty()) {
    return answer_fault();
  }
  if (text_.empty()) {
    fault("2 1", call_.request().query);
    return answer_fault();
  }
  const std::string etag = "\"" + format_hex(set::Hash().add(text_).value()) + "\"";
  const auto mtime = picture_ ? std::optional(picture_->id().mtime_ns) : std::nullopt;
  answer_text(call_, media_type_, std::move(text_), Caching::usual, etag, mtime);
}

void IipSession::answer_fault() {
  http::Response response;
  response.headers.add("Content-Type", std::string(kIipType));
  response.headers.add("Content-Disposition", "inline;filename=\"IIPisAMadGameClosedToOurUnderstanding.netfpx\"");
  set_caching(call_, response.headers, Caching::revalidate);
  response.body = std::move(fault_);
  answer(call_, std::move(response));
}

}  // namespace microtome::protocol
