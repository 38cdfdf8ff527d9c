// SPDX-License-Identifier: Apache-2.0
// "/~name/...": files below a user's home (userdir.*).
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "host/visit.hpp"
#include "http/text.hpp"
#include "http/uri.hpp"

namespace microtome::host {
namespace {

bool names(const TextsPtr& list, std::string_view user) {
  return list && std::ranges::find(*list, user) != list->end();
}

bool is_user_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](char c) {
    return http::is_alpha(c) || http::is_digit(c) || c == '-' || c == '_' || c == '.';
  });
}

// "" when the system does not know the user.
std::string home_of(const std::string& user) {
  std::vector<char> room(static_cast<std::size_t>(std::max(16384L, sysconf(_SC_GETPW_R_SIZE_MAX))));
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(user.c_str(), &entry, room.data(), room.size(), &found) != 0 || found == nullptr) {
    return {};
  }
  return found->pw_dir;
}

}  // namespace

// True: the request is answered. Otherwise file_path_ and root_ are set when the URL names a user's file.
bool Visit::user_directory(bool& found) {
  const RequestSettings& settings = *settings_;
  if (!settings.user_directories || !settings.user_path_set || !url_.starts_with("/~")) {
    return false;
  }
  const std::size_t end = std::min(url_.find('/', 2), url_.size());
  const std::string user = url_.substr(2, end - 2);
  if (end == url_.size() && !user.empty()) {
    redirect_to_directory();  // before anybody looks: it must not tell which users there are
    return true;
  }
  if (!is_user_name(user) || names(settings.users_excluded, user) ||
      (settings.users_included && !settings.users_included->empty() && !names(settings.users_included, user))) {
    return false;
  }
  std::string home;
  if (settings.user_base.empty()) {
    home = home_of(user);
  } else {
    home = settings.user_base + (settings.user_base.ends_with('/') ? "" : "/") +
           (settings.user_letters ? std::string(1, user.front()) + '/' : std::string{}) + user;
  }
  if (home.empty()) {
    return false;
  }
  found = true;
  root_ = home;
  if (!settings.user_directory.empty()) {
    root_ += (root_.ends_with('/') || settings.user_directory.starts_with('/') ? "" : "/") + settings.user_directory;
  }
  while (root_.size() > 1 && root_.ends_with('/')) {
    root_.pop_back();
  }
  file_path_ = root_ + url_.substr(end);
  return false;
}

}  // namespace microtome::host
