// SPDX-License-Identifier: Apache-2.0
#include "protocol/woolz.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "http/status.hpp"
#include "http/text.hpp"
#include "protocol/reply.hpp"
#include "protocol/woolz_answers.hpp"
#include "protocol/woolz_call.hpp"

namespace microtome::protocol {
namespace {

constexpr std::string_view kIipType = "application/vnd.netfpx";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  }
  return out;
}

// Viewers of the old server know an error by the word "html" in the body.
void answer_page_of(const Call& call, const Error& error) {
  call.service->log.write(error.code == Code::io || error.code == Code::internal ? LogLevel::warning : LogLevel::info,
                          error.message + (error.context.empty() ? "" : ": " + error.context));
  http::Response response = http::error_response(error);
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.headers.set("Content-Disposition", "inline;filename=\"iipsrv.html\"");
  response.body = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Error</title></head><body><p>" +
                  escaped(error.message) + "</p></body></html>\n";
  answer(call, std::move(response));
}

struct WoolzSession {
  Call call;
  WoolzProgram program;
  std::string query;

  [[nodiscard]] bool pictures() const { return program.picture.output != WoolzOutput::none; }
  [[nodiscard]] std::string key() const;
  [[nodiscard]] Result<engine::Engine::Computed> compute(const WoolzContext& context) const;
  void answer_made(engine::Rendered made, std::int64_t mtime_ns) const;
  [[nodiscard]] std::string disposition() const;
};

std::string WoolzSession::key() const {
  if (!pictures()) {
    return "questions " + query;
  }
  const WoolzPicture& p = program.picture;
  std::array<char, 320> text{};
  std::snprintf(text.data(), text.size(), "picture %d %d %d %.17g %.17g %.17g %.17g %.17g %lld %lld %lld ",
                static_cast<int>(p.output), static_cast<int>(p.format),
                p.quality.value_or(call.options().jpeg_quality), p.contrast, p.region[0], p.region[1], p.region[2],
                p.region[3], static_cast<long long>(p.first), static_cast<long long>(p.last),
                static_cast<long long>(p.output == WoolzOutput::tiles ? p.resolution : 0));
  return text.data() + key_of(*p.parameters);
}

Result<engine::Engine::Computed> WoolzSession::compute(const WoolzContext& context) const {
  if (pictures()) {
    return make_picture(context, program.picture, call.options().jpeg_quality);
  }
  auto text = answer_questions(context, program);
  if (!text) {
    return std::unexpected(text.error());
  }
  return engine::Engine::Computed{Bytes(text->begin(), text->end()), std::string(kIipType)};
}

std::string WoolzSession::disposition() const {
  const WoolzPicture& p = program.picture;
  std::string name = p.command;
  std::ranges::transform(name, name.begin(), http::to_lower);
  const std::string_view extension = p.format == codec::Format::png    ? ".png"
                                     : p.format == codec::Format::webp ? ".webp"
                                                                       : ".jpg";
  return "inline;filename=\"" + name + std::string(extension) + "\"";
}

void WoolzSession::answer_made(engine::Rendered made, std::int64_t mtime_ns) const {
  http::Response response;
  response.headers.add("Content-Type", std::move(made.media_type));
  if (pictures() && program.picture.output != WoolzOutput::tiles) {
    response.headers.add("Content-Disposition", disposition());
  }
  set_caching(call, response.headers, Caching::usual);
  response.body = std::move(made.body);
  response.trace = made.trace;
  answer_conditional(call, std::move(response), made.etag, mtime_ns);
}

void answer_line(const Call& call, std::string line) {
  http::Response response;
  response.headers.add("Content-Type", std::string(kIipType));
  response.headers.add("Content-Disposition", "inline;filename=\"IIPisAMadGameClosedToOurUnderstanding.netfpx\"");
  set_caching(call, response.headers, Caching::revalidate);
  response.body = std::move(line);
  answer(call, std::move(response));
}

}  // namespace

bool is_woolz(std::span<const IipCommand> commands) {
  const auto last = std::find_if(commands.rbegin(), commands.rend(), [](const IipCommand& command) {
    return command.name == "WLZ" || command.name == "FIF";
  });
  return last != commands.rend() && last->name == "WLZ";
}

void answer_woolz(const Call& iip, std::span<const IipCommand> commands, std::string_view query) {
  Call call = iip;
  call.protocol = "woolz";
  auto program = read_woolz(commands);
  if (!program) {
    return answer_page_of(call, program.error());
  }
  const auto session = std::make_shared<const WoolzSession>(call, std::move(*program), std::string(query));
  const WoolzProgram& read = session->program;
  std::string fault = read.name.empty() ? read.fault : session->pictures() ? std::string() : fault_of(read, query);
  if (!fault.empty()) {
    return answer_line(call, error_line(fault));
  }
  run_woolz(
      call,
      {read.name, session->key(), [session](const WoolzContext& context) { return session->compute(context); },
       [call](Error error) { answer_page_of(call, error); },
       [session](engine::Rendered made, std::int64_t mtime_ns) { session->answer_made(std::move(made), mtime_ns); }});
}

}  // namespace microtome::protocol
