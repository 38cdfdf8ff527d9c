// SPDX-License-Identifier: Apache-2.0
// Who may see a URL, and the pages about the server itself.
#include <algorithm>

#include "host/auth_digest.hpp"
#include "host/digest.hpp"
#include "host/password.hpp"
#include "host/status_page.hpp"
#include "host/visit.hpp"
#include "http/text.hpp"

namespace microtome::host {
namespace {

constexpr auto kRemembered = std::chrono::seconds(60);

// The rule whose path is the longest prefix of the URL. Where names of files are made lower case, case must not get
// around a rule.
const AuthRule* find_rule(const RequestSettings& settings, std::string_view url) {
  const AuthRule* found = nullptr;
  if (settings.auth_rules) {
    for (const AuthRule& rule : *settings.auth_rules) {
      const std::string_view front = url.substr(0, rule.path.size());
      const bool fits = settings.lower_case_files ? http::equal_no_case(front, rule.path) : front == rule.path;
      if (fits && (found == nullptr || rule.path.size() > found->path.size())) {
        found = &rule;
      }
    }
  }
  return found;
}

}  // namespace

// True: answered, or the password is being checked on a worker (crypt is slow on purpose).
bool Visit::authenticate() {
  const AuthRule* rule = find_rule(*settings_, url_);
  if (rule == nullptr || in_error_handler_ || authenticated_) {
    return false;
  }
  if (!rule->basic) {
    return authenticate_digest(*rule);
  }
  challenge_ = "Basic realm=\"" + rule->realm + "\", charset=\"UTF-8\"";
  const std::string_view field = request_.headers.get("Authorization");
  const auto credentials = basic_credentials(field);
  if (!credentials && field.size() > 6 && http::equal_no_case(field.substr(0, 6), "Basic ")) {
    error(400);
    return true;
  }
  if (!credentials || !may_enter(*rule, credentials->user)) {
    error(401);
    return true;
  }
  if (settings_->auth_backend == "htdigest") {
    return check_by_digest(*rule, *credentials);
  }
  const bool plain = settings_->auth_backend == "plain";
  const auto stored = stored_password(plain ? settings_->plain_file : settings_->htpasswd_file, credentials->user);
  if (!stored) {
    context_->log.error(stored.error().context);
    error(500);
    return true;
  }
  if (!*stored || (plain && !equal_secret(**stored, credentials->password))) {
    context_->log.warning("wrong user or password for " + url_ + " from " + request_.remote_address);
    error(401);
    return true;
  }
  remote_user_ = credentials->user;
  if (plain) {
    authenticated_ = true;
    return false;
  }
  return check_password(credentials->password, **stored);
}

// Basic authentication against a file made for digest authentication.
bool Visit::check_by_digest(const AuthRule& rule, const Credentials& credentials) {
  bool right = false;
  for (const DigestKind kind : {DigestKind::md5, DigestKind::sha256}) {
    const auto stored = stored_digest(credentials.user, rule.realm, kind);
    if (!stored) {
      context_->log.error(stored.error().context);
      error(500);
      return true;
    }
    const std::string made = digest_hex(kind, credentials.user + ':' + rule.realm + ':' + credentials.password);
    right = right || (!stored->empty() && equal_secret(made, *stored));
  }
  if (!right) {
    context_->log.warning("wrong user or password for " + url_ + " from " + request_.remote_address);
    error(401);
    return true;
  }
  remote_user_ = credentials.user;
  authenticated_ = true;
  return false;
}

bool Visit::check_password(const std::string& password, const std::string& stored) {
  const auto digest = sha1(stored + '\0' + password);
  const std::string key(digest.begin(), digest.end());
  auto& remembered = context_->passwords;
  if (const auto known = remembered.find(key);
      known != remembered.end() && std::chrono::steady_clock::now() - known->second < kRemembered) {
    authenticated_ = true;
    return false;
  }
  auto checked = [weak = weak_from_this(), key](bool good) {
    const auto self = weak.lock();
    if (!self || self->gone_) {
      return;
    }
    if (good) {
      auto& passwords = self->context_->passwords;
      if (passwords.size() > 256) {
        passwords.clear();
      }
      passwords[key] = std::chrono::steady_clock::now();
      self->authenticated_ = true;
      if (!self->status_pages() && !self->upstream_by_url() && !self->find_file()) {
        self->error(404);
      }
    } else {
      self->context_->log.warning("wrong user or password for " + self->url_ + " from " +
                                  self->request_.remote_address);
      self->remote_user_.clear();
      self->error(401);
    }
    self->stream_->commit();
  };
  const auto queued = context_->pool->submit(WorkClass::tile, CancelToken(),
                                             [loop = context_->loop, password, stored, checked](bool) {
                                               const bool good = password_matches(password, stored);
                                               loop->post([checked, good] { checked(good); });
                                             });
  if (!queued) {
    error(503);
  }
  return true;
}

bool Visit::status_pages() {
  const RequestSettings& settings = *settings_;
  if (!settings.status_url.empty() && url_ == settings.status_url) {
    answer(status_page(*context_, request_.query));
    return true;
  }
  if (!settings.statistics_url.empty() && url_ == settings.statistics_url) {
    answer(statistics_page(*context_));
    return true;
  }
  if (!settings.config_url.empty() && url_ == settings.config_url) {
    answer(config_page(*context_));
    return true;
  }
  return false;
}

}  // namespace microtome::host
