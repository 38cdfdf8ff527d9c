// SPDX-License-Identifier: Apache-2.0
#include "check/responder.hpp"

#include <algorithm>

namespace microtome::check {

using fcgi::Type;

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return out;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(c)) == std::string_view::npos;
  });
}

void put(Params& all, const std::string& name, const std::string& value) {
  std::erase_if(all, [&](const auto& pair) { return pair.first == name; });
  if (value != "\1") {
    all.emplace_back(name, value);
  }
}

}  // namespace

Params ResponderPeer::cgi(const Params& extra) const {
  Params all = {{"REQUEST_METHOD", "GET"},
                {"SCRIPT_NAME", path},
                {"SCRIPT_FILENAME", path},
                {"QUERY_STRING", ""},
                {"REQUEST_URI", path},
                {"DOCUMENT_ROOT", "/"},
                {"SERVER_PROTOCOL", "HTTP/1.1"},
                {"GATEWAY_INTERFACE", "CGI/1.1"},
                {"SERVER_SOFTWARE", "fcgi-check"},
                {"SERVER_NAME", "localhost"},
                {"SERVER_PORT", "80"},
                {"REMOTE_ADDR", "127.0.0.1"},
                {"REDIRECT_STATUS", "200"},
                {"HTTP_HOST", "localhost"}};
  for (const auto& [name, value] : params) {
    put(all, name, value);
  }
  for (const auto& [name, value] : extra) {
    put(all, name, value);
  }
  return all;
}

std::string ResponderPeer::request(std::uint16_t id, bool keep, const Params& extra, std::string_view body,
                                   Cut cut) const {
  Params all = extra;
  if (!body.empty() && std::ranges::none_of(extra, [](const auto& pair) { return pair.first == "CONTENT_LENGTH"; })) {
    all.insert(all.begin(), {{"REQUEST_METHOD", "POST"},
                             {"CONTENT_TYPE", "application/octet-stream"},
                             {"CONTENT_LENGTH", std::to_string(body.size())}});
  }
  return begin_of(id, keep) + stream_of(Type::params, id, pairs_of(cgi(all)), cut) +
         stream_of(Type::stdin_stream, id, body, cut);
}

Result<AppConnection> ResponderPeer::open(Milliseconds waits) const {
  auto wire = Wire::connect(address, patience);
  if (!wire) {
    return pass(wire.error());
  }
  return AppConnection(std::move(*wire), waits);
}

Verdict ResponderPeer::whole(std::uint16_t id, std::string_view bytes) const {
  auto connection = connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  connection->send(bytes);
  return fine(*connection, id);
}

Verdict ResponderPeer::alive(std::string_view after) const {
  Verdict verdict = whole(1, request(1, false));
  if (verdict.kind == Kind::fail) {
    verdict.detail = "after " + std::string(after) + " a plain request gets: " + verdict.detail;
  }
  return verdict;
}

Verdict fine(AppConnection& connection, std::uint16_t id) {
  const bool answered = connection.answered(id);
  if (!connection.faults().empty()) {
    return wrong(connection.faults().front());
  }
  const Answer& answer = connection.answer(id);
  if (!answered) {
    return wrong(std::string(connection.closed() ? "the connection was closed without END_REQUEST"
                                                 : "no END_REQUEST in time") +
                 " (" + std::to_string(answer.out.size()) + " bytes of STDOUT)");
  }
  if (answer.end.protocol_status != fcgi::ProtocolStatus::request_complete) {
    return wrong("END_REQUEST says protocolStatus " + std::to_string(static_cast<int>(answer.end.protocol_status)));
  }
  return pass();
}

const std::string* CgiHead::find(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (field == name) {
      return &value;
    }
  }
  return nullptr;
}

std::expected<CgiHead, std::string> read_cgi_head(std::string_view out) {
  CgiHead head;
  while (true) {
    const std::size_t end = out.find('\n');
    if (end == std::string_view::npos) {
      return std::unexpected(std::string("the header block has no blank line at its end"));
    }
    std::string_view line = out.substr(0, end);
    out.remove_prefix(end + 1);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (line.empty()) {
      break;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
      return std::unexpected("not a header line: " + std::string(line.substr(0, 60)));
    }
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) {
      value.remove_prefix(1);
    }
    if (value.find_first_of(std::string_view("\0\r", 2)) != std::string_view::npos) {
      return std::unexpected("a NUL or CR within " + std::string(line.substr(0, colon)));
    }
    head.fields.emplace_back(lower(line.substr(0, colon)), std::string(value));
  }
  head.body = out;
  return head;
}

}  // namespace microtome::check
