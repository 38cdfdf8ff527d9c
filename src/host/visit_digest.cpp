// SPDX-License-Identifier: Apache-2.0
// Digest authentication of a request, and users who are in groups.
#include <algorithm>

#include "host/auth_digest.hpp"
#include "host/password.hpp"
#include "host/visit.hpp"
#include "http/text.hpp"

namespace microtome::host {

// H(user:realm:password) of a user, as the configured file has it or tells it; "" when there is no such user.
Result<std::string> Visit::stored_digest(const std::string& user, const std::string& realm, DigestKind kind) const {
  if (settings_->auth_backend == "plain") {
    const auto password = stored_password(settings_->plain_file, user);
    if (!password) {
      return pass(password.error());
    }
    return *password ? digest_hex(kind, user + ':' + realm + ':' + **password) : std::string{};
  }
  if (settings_->auth_backend != "htdigest") {
    return fail(Code::io, "internal error", "digest authentication needs auth.backend \"htdigest\" or \"plain\"");
  }
  return stored_htdigest(settings_->htdigest_file, user, realm, kind == DigestKind::md5 ? 32 : 64);
}

// True: answered.
bool Visit::authenticate_digest(const AuthRule& rule) {
  const std::int64_t now = now_seconds();
  const std::string& secret = context_->nonce_secret;
  const auto challenge = [&](bool stale) {
    challenge_ = digest_challenge(rule.realm, rule.digests, make_nonce(secret, now), stale);
    error(401);
    return true;
  };
  const std::string_view field = request_.headers.get("Authorization");
  const auto answer = read_digest_answer(field);
  if (!answer) {
    const bool broken = field.size() > 7 && http::equal_no_case(field.substr(0, 7), "Digest ");
    if (!broken) {
      return challenge(false);
    }
    error(400);
    return true;
  }
  const Nonce nonce = check_nonce(answer->nonce, secret, now);
  if (nonce == Nonce::foreign || !answer->protects || answer->realm != rule.realm ||
      std::ranges::find(rule.digests, answer->kind) == rule.digests.end()) {
    return challenge(nonce == Nonce::foreign && answer->realm == rule.realm);
  }
  // The address that was digested must be the one that is asked for; a front-end may have stripped it since.
  if (answer->uri != stream_->head().target && answer->uri != original_target_) {
    error(400);
    return true;
  }
  const auto stored = stored_digest(answer->user, rule.realm, answer->kind);
  if (!stored) {
    context_->log.error(stored.error().context);
    error(500);
    return true;
  }
  const bool right =
      !stored->empty() && equal_secret(digest_response(*answer, *stored, request_.method), answer->response);
  if (!right || !may_enter(rule, answer->user)) {
    context_->log.warning("wrong user or password for " + url_ + " from " + request_.remote_address);
    return challenge(false);
  }
  if (nonce == Nonce::stale) {
    return challenge(true);  // it knows the password: no need to ask its user again
  }
  remote_user_ = answer->user;
  auth_type_ = "Digest";
  authenticated_ = true;
  return false;
}

// Whether the rule is for that user.
bool Visit::may_enter(const AuthRule& rule, const std::string& user) const {
  if (rule.any_user || std::ranges::find(rule.users, user) != rule.users.end()) {
    return true;
  }
  return std::ranges::any_of(
      rule.groups, [&](const std::string& group) { return is_in_group(settings_->group_file, group, user); });
}

}  // namespace microtome::host
