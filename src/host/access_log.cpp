// SPDX-License-Identifier: Apache-2.0
#include "host/access_log.hpp"

#include <array>
#include <cstdio>
#include <ctime>

#include "host/system_log.hpp"

namespace microtome::host {
namespace {

constexpr std::string_view kCombined = R"(%h %V %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i")";

// Bytes that would break a line or a quoted field become \xHH, so that no client can forge lines.
void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
}

void append_or_dash(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += '-';
  } else {
    append_escaped(out, text);
  }
}

std::string time_text(std::chrono::system_clock::time_point at, const char* format) {
  const std::time_t time = std::chrono::system_clock::to_time_t(at);
  std::tm parts{};
  localtime_r(&time, &parts);
  std::array<char, 128> text{};
  std::strftime(text.data(), text.size(), format, &parts);
  return text.data();
}

void append_field(std::string& out, char letter, std::string_view name, const AccessRecord& record) {
  const std::size_t question = record.target.find('?');
  switch (letter) {
    case 'h':
    case 'a':
      append_or_dash(out, record.remote_address);
      break;
    case 'l':
      out += '-';
      break;
    case 'u':
      append_or_dash(out, record.remote_user);
      break;
    case 't':
      out += '[' + time_text(record.at, name.empty() ? "%d/%b/%Y:%H:%M:%S %z" : std::string(name).c_str()) + ']';
      break;
    case 'r':
      append_escaped(out, record.method + ' ' + record.target + ' ' + record.protocol);
      break;
    case 's':
      out += std::to_string(record.status);
      break;
    case 'b':
      out += record.bytes > 0 ? std::to_string(record.bytes) : "-";
      break;
    case 'B':
    case 'O':
      out += std::to_string(record.bytes);
      break;
    case 'i':
      append_or_dash(out, record.request_headers != nullptr ? record.request_headers->get(name) : "");
      break;
    case 'o':
      append_or_dash(out, record.response_headers != nullptr ? record.response_headers->get(name) : "");
      break;
    case 'T':
      out += std::to_string(record.took.count() / 1'000'000);
      break;
    case 'D':
      out += std::to_string(record.took.count());
      break;
    case 'm':
      append_escaped(out, record.method);
      break;
    case 'U':
      append_escaped(out, std::string_view(record.target).substr(0, question));
      break;
    case 'q':
      append_escaped(out, question == std::string::npos ? "" : std::string_view(record.target).substr(question));
      break;
    case 'H':
      out += record.protocol;
      break;
    case 'V':
      append_or_dash(out, record.host);
      break;
    case 'v':
      append_or_dash(out, record.server_name);
      break;
    case 'p':
      out += std::to_string(record.server_port);
      break;
    default:
      out += '-';
      break;
  }
}

void append_json(std::string& out, std::string_view name, std::string_view value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += out.back() == '{' ? "\"" : ",\"";
  out.append(name);
  out += "\":\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string json_line(const AccessRecord& record) {
  std::string out = "{";
  append_json(out, "time", time_text(record.at, "%Y-%m-%dT%H:%M:%S%z"));
  append_json(out, "client", record.remote_address);
  append_json(out, "user", record.remote_user);
  append_json(out, "host", record.host);
  append_json(out, "method", record.method);
  append_json(out, "target", record.target);
  append_json(out, "protocol", record.protocol);
  append_json(out, "referer", record.referer);
  append_json(out, "agent", record.agent);
  out += ",\"status\":" + std::to_string(record.status) + ",\"bytes\":" + std::to_string(record.bytes) +
         ",\"microseconds\":" + std::to_string(record.took.count()) + '}';
  return out;
}

}  // namespace

std::string format_access(std::string_view format, const AccessRecord& record) {
  if (format == "json") {
    return json_line(record);
  }
  if (format.empty() || format == "combined") {
    format = kCombined;
  }
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 >= format.size()) {
      out += format[i];
      continue;
    }
    ++i;
    if (format[i] == '%') {
      out += '%';
      continue;
    }
    while (i < format.size() && (format[i] == '>' || format[i] == '<')) {
      ++i;
    }
    std::string_view name;
    if (i < format.size() && format[i] == '{') {
      const std::size_t end = format.find('}', i);
      if (end == std::string_view::npos || end + 1 >= format.size()) {
        break;
      }
      name = format.substr(i + 1, end - i - 1);
      i = end + 1;
    }
    if (i < format.size()) {
      append_field(out, format[i], name, record);
    }
  }
  return out;
}

std::shared_ptr<LogFile> AccessLogs::find(const std::string& name) {
  if (const auto found = files_.find(name); found != files_.end()) {
    return found->second;
  }
  auto file = LogFile::open(name, true);
  if (!file) {
    log_.error(file.error().message);
  }
  return files_.emplace(name, file ? std::move(*file) : nullptr).first->second;
}

void AccessLogs::write(const RequestSettings& settings, const AccessRecord& record) {
  if (settings.access_syslog) {
    return to_syslog(settings.access_syslog_level, format_access(settings.access_format, record));
  }
  if (const auto file = find(settings.access_log)) {
    file->line(format_access(settings.access_format, record));
  }
}

bool AccessLogs::prepare(const ConfigTree& tree) {
  bool good = true;
  for (const Block& block : tree.blocks) {
    const Setting* setting = block.find("accesslog.filename");
    if (setting != nullptr && !setting->value.text().empty()) {
      good = find(setting->value.text()) != nullptr && good;
    }
  }
  return good;
}

void AccessLogs::flush() {
  for (const auto& [name, file] : files_) {
    if (file) {
      file->flush();
    }
  }
}

void AccessLogs::reopen() {
  for (const auto& [name, file] : files_) {
    if (file) {
      if (auto done = file->reopen(); !done) {
        log_.error(done.error().message);
      }
    }
  }
}

}  // namespace microtome::host
