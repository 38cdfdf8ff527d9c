// SPDX-License-Identifier: Apache-2.0
#include "keep/site.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "keep/lock.hpp"
#include "keep/text.hpp"

namespace microtome::keep {
namespace {

// A unix socket's path has at most 107 characters; ours are "/app.socket-0" behind the folder.
constexpr std::size_t kLongestFolder = 90;
constexpr std::size_t kErrorsKept = 5;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr ? value : "";
}

std::string home() {
  std::string set = variable("HOME");
  if (set.empty()) {
    const passwd* user = getpwuid(getuid());  // NOLINT(concurrency-mt-unsafe)
    set = user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "";
  }
  return set;
}

std::string id_of(const std::string& source, bool folder) {
  std::filesystem::path path(source);
  std::string name = path.filename().string();
  if (!folder) {
    name = name.substr(0, name.rfind(".conf"));
    if (name == "lighttpd") {
      name = path.parent_path().filename().string();
    }
  }
  std::string plain;
  for (const char c : name.substr(0, 24)) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    plain += good ? c : '-';
  }
  std::array<char, 16> hash{};
  std::snprintf(hash.data(), hash.size(), "%08x", static_cast<unsigned>(fnv1a(source) & 0xffffffffU));
  return (plain.empty() ? "site" : plain) + '-' + hash.data();
}

Result<void> make_private(const std::string& dir) {
  std::error_code fault;
  std::filesystem::create_directories(std::filesystem::path(dir).parent_path(), fault);
  if (mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Code::io, "cannot make " + dir + ": " + errno_text(errno));
  }
  struct stat found{};
  if (lstat(dir.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) {
    return fail(Code::io, dir + " is not a folder");
  }
  if (found.st_uid != geteuid() || (found.st_mode & 0022) != 0) {
    return fail(Code::io, dir + " can be written by others: it is not used; remove it, or chmod 700 it");
  }
  return {};
}

Result<void> can_write(const std::string& dir) {
  const std::string probe = dir + "/.probe." + std::to_string(getpid());
  auto done = write_text(probe, "microtome\n");
  ::unlink(probe.c_str());
  return done;
}

// The recorded site in this folder; nothing when there is none.
std::optional<Site> load(const std::string& dir) {
  const auto text = read_text(dir + "/site");
  if (!text) {
    return std::nullopt;
  }
  Site site;
  site.dir = dir;
  site.id = std::filesystem::path(dir).filename().string();
  for (const std::string& line : lines_of(*text)) {
    const std::size_t blank = line.find(' ');
    const std::string key = line.substr(0, blank);
    const std::string value = blank == std::string::npos ? "" : line.substr(blank + 1);
    if (key == "folder" || key == "configuration") {
      site.source = value;
      site.folder = key == "folder";
    } else if (key == "listen") {
      site.listen = value;
    } else if (key == "keeper") {
      site.keeper = value;
    } else if (key == "written") {
      site.config_sum = value;
    }
  }
  return site.source.empty() ? std::nullopt : std::optional<Site>(site);
}

}  // namespace

std::string Site::word() const {
  return shell_word(source);
}

std::vector<std::string> bases() {
  if (const std::string set = variable("MICROTOME_HOME"); !set.empty()) {
    return {set};
  }
  std::vector<std::string> all;
  if (const std::string place = home(); place.starts_with('/') && place != "/" && place != "/nonexistent") {
    all.push_back(place + "/.microtome");
  }
  if (const std::string runtime = variable("XDG_RUNTIME_DIR"); runtime.starts_with('/')) {
    all.push_back(runtime + "/microtome");
  }
  all.push_back("/tmp/microtome-" + std::to_string(geteuid()));
  return all;
}

Result<Site> find_site(const std::string& source) {
  std::error_code fault;
  const std::filesystem::path path = std::filesystem::canonical(source, fault);
  Site site;
  site.source = fault ? std::filesystem::absolute(source).lexically_normal().string() : path.string();
  site.folder = !fault && std::filesystem::is_directory(path, fault);
  std::string why = fault ? "there is no " + source : "";
  std::vector<std::string> candidates;
  for (const std::string& base : bases()) {
    for (const bool folder : {true, false}) {
      const std::string dir = base + '/' + id_of(site.source, folder);
      if (auto known = load(dir); known && known->source == site.source) {
        return *known;
      }
    }
    candidates.push_back(base + '/' + id_of(site.source, site.folder));
  }
  if (!why.empty()) {
    return fail(Code::not_found, why);
  }
  for (const std::string& dir : candidates) {
    if (dir.size() > kLongestFolder) {
      why += (why.empty() ? "" : "; ") + dir + " is too long a path for sockets";
      continue;
    }
    if (access(dir.c_str(), F_OK) == 0) {  // another call is about to record it
      site.dir = dir;
      break;
    }
    const std::string base = dir.substr(0, dir.rfind('/'));
    const bool was_there = access(base.c_str(), F_OK) == 0;
    auto done = make_private(base);
    done = done ? can_write(base) : done;
    if (done) {
      site.dir = dir;
      break;
    }
    if (!was_there) {
      ::rmdir(base.c_str());
    }
    why += (why.empty() ? "" : "; ") + done.error().message;
  }
  if (site.dir.empty()) {
    return fail(Code::io, why);
  }
  site.id = std::filesystem::path(site.dir).filename().string();
  return site;
}

std::vector<Site> all_sites() {
  std::vector<Site> found;
  for (const std::string& base : bases()) {
    DIR* folder = opendir(base.c_str());
    if (folder == nullptr) {
      continue;
    }
    while (const dirent* entry = readdir(folder)) {  // NOLINT(concurrency-mt-unsafe): a stream of our own
      if (auto site = entry->d_name[0] == '.' ? std::nullopt : load(base + '/' + entry->d_name)) {
        found.push_back(*site);
      }
    }
    closedir(folder);
  }
  std::sort(found.begin(), found.end(), [](const Site& a, const Site& b) { return a.source < b.source; });
  return found;
}

Result<void> make_folder(const Site& site) {
  auto made = make_private(site.dir.substr(0, site.dir.rfind('/')));
  return made ? make_private(site.dir) : made;
}

Result<void> save(const Site& site) {
  std::string text = (site.folder ? "folder " : "configuration ") + site.source + '\n';
  for (const auto& [key, value] : {std::pair<const char*, const std::string&>{"listen ", site.listen},
                                   {"keeper ", site.keeper},
                                   {"written ", site.config_sum}}) {
    text += value.empty() ? "" : key + value + '\n';
  }
  return write_text(site.dir + "/site", text);
}

void remove_folder(const Site& site) {
  std::error_code fault;
  std::filesystem::remove_all(site.dir, fault);
  ::rmdir(site.dir.substr(0, site.dir.rfind('/')).c_str());
}

Running read_running(const Site& site) {
  Running running;
  bool complete = false;
  for (const std::string& line : lines_of(read_text(site.ready(), 1 << 16).value_or(""))) {
    complete = complete || line == "end";
    if (line.starts_with("pid ")) {
      running.pid = std::atoi(line.c_str() + 4);
    } else if (line.starts_with("listen ")) {
      running.addresses.push_back(line.substr(7));
    } else if (line.starts_with("log ")) {
      running.log = line.substr(4);
    }
  }
  return complete ? running : Running();
}

void clear_running(const Site& site) {
  constexpr std::size_t kSize = 1024;
  const std::string nothing(kSize, '\n');
  const int fd = ::open(site.ready().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) {
    (void)!::pwrite(fd, nothing.data(), nothing.size(), 0);
    ::close(fd);
  }
}

History read_history(const Site& site) {
  History history;
  for (const std::string& line : lines_of(read_text(site.history(), 1 << 16).value_or(""))) {
    if (line.starts_with("starts ")) {
      history.starts = std::atoll(line.c_str() + 7);
    } else if (line.starts_with("failures ")) {
      history.failures = std::atoll(line.c_str() + 9);
    } else if (line.starts_with("error ")) {
      history.errors.push_back(line.substr(6));
    }
  }
  return history;
}

namespace {

void write_history(const Site& site, const History& history) {
  std::string text =
      "starts " + std::to_string(history.starts) + "\nfailures " + std::to_string(history.failures) + '\n';
  for (const std::string& error : history.errors) {
    text += "error " + error + '\n';
  }
  (void)write_text(site.history(), text);  // a full disk must not keep a site down
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  std::array<char, 32> text{};
  gmtime_r(&now, &parts);
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

}  // namespace

void record_start(const Site& site) {
  History history = read_history(site);
  ++history.starts;
  write_history(site, history);
}

void record_ready(const Site& site) {
  History history = read_history(site);
  if (history.failures != 0) {
    history.failures = 0;
    write_history(site, history);
  }
}

void record_failure(const Site& site, const std::string& what) {
  History history = read_history(site);
  ++history.failures;
  std::string line = what;
  std::replace(line.begin(), line.end(), '\n', ' ');
  // "2026-01-31T12:00:00Z ..."
  const bool same =
      !history.errors.empty() && history.errors.back().size() > 21 && history.errors.back().substr(21) == line;
  if (same) {
    history.errors.pop_back();
  }
  history.errors.push_back(now_text() + ' ' + line);
  if (history.errors.size() > kErrorsKept) {
    history.errors.erase(history.errors.begin());
  }
  write_history(site, history);
}

}  // namespace microtome::keep
