// SPDX-License-Identifier: Apache-2.0
// What comes back from apps and servers behind, on its way to the client.
#include <utility>

#include "host/visit.hpp"
#include "http/text.hpp"
#include "net/response_head.hpp"

namespace microtome::host {
namespace {

constexpr std::size_t kAnswerAhead = 1 << 20;  // bytes of the answer waiting for the client

// "Variable-X-Group" of an authorizer becomes X_GROUP.
std::string environment_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    out += http::is_alpha(c) || http::is_digit(c) ? http::to_upper(c) : '_';
  }
  return out;
}

}  // namespace

bool Visit::upstream_head(CgiHead head) {
  ignoring_ = false;
  if (authorizing_ && head.status == 200) {
    for (const http::Header& variable : head.variables.all()) {
      environment_.emplace_back(environment_name(variable.name), variable.value);
    }
    go_on_ = true;
    return false;
  }
  if (!head.send_file.empty() && app_ != nullptr && app_->send_file) {
    send_named_file(head);
    return false;
  }
  if (settings_->error_intercept && head.status >= 400 && !in_error_handler_) {
    error(head.status);
    return false;
  }
  http::Response response;
  response.status = head.status;
  response.headers = std::move(head.headers);
  if (mapping_) {
    mapping_->answer_in(response.headers);
  }
  decorate(response);
  compress_stream(response, head.content_length);
  const bool has_body = request_.method != "HEAD" && net::may_have_body(head.status) && head.status != 101;
  if (has_body && settings_->response_keep != Keep::little) {
    kept_ = std::make_unique<AnswerBuffer>(*stream_, settings_->response_keep, context_->spool);
    kept_->begin(std::move(response), head.content_length);
  } else {
    stream_->begin(std::move(response), head.content_length);
  }
  return true;
}

void Visit::upstream_body(std::string_view bytes) {
  if (ignoring_) {
    return;
  }
  if (!deflater_) {
    return pass_on(bytes);
  }
  pass_on(deflater_->feed(bytes));
}

void Visit::pass_on(std::string_view bytes) {
  if (!kept_) {
    return stream_->write(bytes);
  }
  if (auto kept = kept_->write(bytes); !kept) {
    cannot_keep(*kept_, kept.error());
  }
}

// A full disk, most likely. The app need not go on.
void Visit::cannot_keep(const AnswerBuffer& buffer, const Error& fault) {
  context_->log.error(url_ + ": " + fault.context);
  const int status = buffer.fault_status();
  kept_.reset();
  deflater_.reset();
  ignoring_ = true;
  given_up_ = std::exchange(upstream_, nullptr);
  stream_->begun() ? stream_->cut() : error(status);
}

bool Visit::full() {
  return !kept_ && stream_->unsent() > kAnswerAhead;
}

void Visit::upstream_end() {
  if (ignoring_ || go_on_ || !(stream_->begun() || kept_)) {
    return;
  }
  if (deflater_) {
    pass_on(deflater_->finish());
  }
  if (!kept_) {
    return ignoring_ ? void() : stream_->end();
  }
  if (auto ended = kept_->end(); !ended) {
    cannot_keep(*kept_, ended.error());
  }
}

void Visit::upstream_cut() {
  if (ignoring_) {
    return;
  }
  if (kept_ && !stream_->begun()) {
    kept_.reset();
    deflater_.reset();
    return error(502);  // nothing of it was sent yet
  }
  stream_->cut();
}

void Visit::upstream_failed(int status, const std::string& reason) {
  context_->log.error(reason);
  if (ignoring_) {
    return;
  }
  if (!stream_->begun()) {
    kept_.reset();
    deflater_.reset();
    error(status);
  } else {
    stream_->cut();
  }
}

void Visit::commit() {
  const auto self = shared_from_this();
  if (const auto upstream = std::exchange(given_up_, nullptr)) {
    upstream->client_gone();
  }
  if (std::exchange(go_on_, false)) {
    authorized_ = true;
    authorizing_ = false;
    upstream_.reset();
    if (!upstream_by_url() && !find_file()) {
      error(404);
    }
  }
  stream_->commit();
}

void Visit::client_gone() {
  const auto self = shared_from_this();
  for (auto* each : {&upstream_, &given_up_}) {
    if (const auto upstream = std::exchange(*each, nullptr)) {
      upstream->client_gone();
    }
  }
  kept_.reset();
  gone_ = true;
  status_ = 499;
  finished(false, 0);
}

}  // namespace microtome::host
