// SPDX-License-Identifier: Apache-2.0
// Lines of access logs: Apache's format strings as accesslog.format takes them, "json", and the combined format by
// default.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/log.hpp"
#include "host/context.hpp"
#include "host/log_file.hpp"

namespace microtome::host {

// %h remote address, %u user, %t time, %r request line, %s %>s status, %b %B %O bytes of the body, %{Name}i %{Name}o
// headers, %T seconds, %D microseconds, %m method, %U path, %q query, %H protocol, %V %v host, %p port, %% percent
// sign. "": combined.
[[nodiscard]] std::string format_access(std::string_view format, const AccessRecord& record);

// All access logs of a server, by name. Loop thread only.
class AccessLogs {
 public:
  explicit AccessLogs(Log log) : log_(std::move(log)) {}
  void write(const RequestSettings& settings, const AccessRecord& record);
  // Opens the logs that a configuration names, so that mistakes show at the start. False when one cannot be opened.
  bool prepare(const ConfigTree& tree);
  void flush();
  void reopen();

 private:
  std::shared_ptr<LogFile> find(const std::string& name);
  Log log_;
  std::unordered_map<std::string, std::shared_ptr<LogFile>> files_;
};

}  // namespace microtome::host
