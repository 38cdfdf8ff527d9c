// SPDX-License-Identifier: Apache-2.0
#include "host/status_page.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "host/directory_listing.hpp"
#include "host/supervisor.hpp"

namespace microtome::host {
namespace {

std::string_view state_name(Slot::State state) {
  switch (state) {
    case Slot::State::idle:
      return "idle";
    case Slot::State::up:
      return "up";
    case Slot::State::waiting:
      return "waiting";
    case Slot::State::draining:
      return "draining";
    case Slot::State::ending:
      return "ending";
  }
  return "";
}

std::int64_t uptime(const Context& context) {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now() - context.started).count();
}

http::Response text_page(std::string_view type, std::string body) {
  http::Response response;
  response.headers.add("Content-Type", std::string(type));
  response.headers.add("Cache-Control", "no-store");
  response.body = std::move(body);
  return response;
}

std::string json_text(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
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
  return out + '"';
}

std::string slot_json(const Slot& slot) {
  return "{\"number\":" + std::to_string(slot.number) + ",\"address\":" + json_text(slot.address.text) +
         ",\"state\":" + json_text(state_name(slot.state)) +
         ",\"pid\":" + std::to_string(slot.child ? slot.child->pid() : 0) + ",\"load\":" + std::to_string(slot.load) +
         ",\"requests\":" + std::to_string(slot.counters.requests) +
         ",\"starts\":" + std::to_string(slot.counters.starts) +
         ",\"deaths\":" + std::to_string(slot.counters.deaths) + ",\"hung\":" + std::to_string(slot.counters.hung) +
         ",\"memory\":" + std::to_string(slot.child ? slot.child->resident() : 0) +
         ",\"last_end\":" + json_text(slot.last_end) + '}';
}

std::string json_page(const Context& context) {
  const Counters& counters = *context.counters;
  std::string out = "{\"uptime\":" + std::to_string(uptime(context)) +
                    ",\"requests\":" + std::to_string(counters.requests) +
                    ",\"active\":" + std::to_string(counters.active) +
                    ",\"bytes\":" + std::to_string(counters.bytes) + ",\"answers\":{";
  for (int i = 1; i < 6; ++i) {
    out += (i > 1 ? ",\"" : "\"") + std::to_string(i) + "xx\":" + std::to_string(counters.by_class[i]);
  }
  out += "},\"apps\":[";
  bool first = true;
  for (const auto& app : context.supervisor->apps()) {
    out += first ? "{" : ",{";
    first = false;
    out += "\"label\":" + json_text(app->spec().label) + ",\"queued\":" + std::to_string(app->queued()) +
           ",\"load\":" + std::to_string(app->load()) + ",\"overloaded\":" + std::to_string(app->overloaded()) +
           ",\"multiplexes\":" + (app->ability().multiplexes ? "true" : "false") +
           ",\"max_connections\":" + std::to_string(app->ability().max_connections) + ",\"processes\":[";
    for (std::size_t i = 0; i < app->slots().size(); ++i) {
      out += (i > 0 ? "," : "") + slot_json(*app->slots()[i]);
    }
    out += "],\"last_lines\":[";
    for (std::size_t i = 0; i < app->last_lines().size(); ++i) {
      out += (i > 0 ? "," : "") + json_text(app->last_lines()[i]);
    }
    out += "]}";
  }
  return out + "]}\n";
}

std::string people_page(const Context& context) {
  const Counters& counters = *context.counters;
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Status</title>"
      "<style>body{font-family:sans-serif;margin:1em 2em}td,th{padding:.1em 1em .1em 0;text-align:left}</style>"
      "</head><body><h1>Status</h1>\n<p>Up for " +
      std::to_string(uptime(context)) + " s. " + std::to_string(counters.requests) + " requests, " +
      std::to_string(counters.active) + " active, " + std::to_string(counters.bytes) +
      " bytes sent.</p>\n<table><tr><th>app</th><th>waiting</th><th>process</th><th>state</th><th>load</th>"
      "<th>requests</th><th>starts</th><th>deaths</th><th>memory</th><th>last end</th></tr>\n";
  for (const auto& app : context.supervisor->apps()) {
    for (const auto& slot : app->slots()) {
      out += "<tr><td>" + escape_html(app->spec().label) + "</td><td>" + std::to_string(app->queued()) + "</td><td>" +
             (slot->child ? std::to_string(slot->child->pid()) : "-") + "</td><td>" +
             std::string(state_name(slot->state)) + "</td><td>" + std::to_string(slot->load) + "</td><td>" +
             std::to_string(slot->counters.requests) + "</td><td>" + std::to_string(slot->counters.starts) +
             "</td><td>" + std::to_string(slot->counters.deaths) + "</td><td>" +
             std::to_string((slot->child ? slot->child->resident() : 0) >> 10) + " KiB</td><td>" +
             escape_html(slot->last_end) + "</td></tr>\n";
    }
    if (!app->last_lines().empty()) {
      out += "<tr><td colspan=\"10\"><pre>";
      for (const std::string& line : app->last_lines()) {
        out += escape_html(line) + '\n';
      }
      out += "</pre></td></tr>\n";
    }
  }
  return out + "</table></body></html>\n";
}

std::string prometheus_page(const Context& context) {
  const Counters& counters = *context.counters;
  std::string out = "# TYPE host_requests_total counter\nhost_requests_total " + std::to_string(counters.requests) +
                    "\n# TYPE host_sent_bytes_total counter\nhost_sent_bytes_total " +
                    std::to_string(counters.bytes) + "\n# TYPE host_active_requests gauge\nhost_active_requests " +
                    std::to_string(counters.active) + "\n# TYPE host_answers_total counter\n";
  for (int i = 1; i < 6; ++i) {
    out += "host_answers_total{class=\"" + std::to_string(i) + "xx\"} " + std::to_string(counters.by_class[i]) + '\n';
  }
  const auto each = [&](std::string_view name, std::string_view type, auto value) {
    out += "# TYPE " + std::string(name) + ' ' + std::string(type) + '\n';
    for (const auto& app : context.supervisor->apps()) {
      for (const auto& slot : app->slots()) {
        out += std::string(name) + "{app=" + json_text(app->spec().label) + ",process=\"" +
               std::to_string(slot->number) + "\"} " + std::to_string(value(*slot)) + '\n';
      }
    }
  };
  each("host_app_requests_total", "counter", [](const Slot& slot) { return slot.counters.requests; });
  each("host_app_starts_total", "counter", [](const Slot& slot) { return slot.counters.starts; });
  each("host_app_deaths_total", "counter", [](const Slot& slot) { return slot.counters.deaths; });
  each("host_app_load", "gauge", [](const Slot& slot) { return slot.load; });
  return out;
}

}  // namespace

http::Response status_page(const Context& context, std::string_view query) {
  const Counters& counters = *context.counters;
  if (query == "json") {
    return text_page("application/json", json_page(context));
  }
  if (query == "prometheus") {
    return text_page("text/plain; version=0.0.4", prometheus_page(context));
  }
  if (query == "auto") {
    return text_page("text/plain", "Total Accesses: " + std::to_string(counters.requests) +
                                       "\nTotal kBytes: " + std::to_string(counters.bytes >> 10) +
                                       "\nUptime: " + std::to_string(uptime(context)) +
                                       "\nBusyServers: " + std::to_string(counters.active) + "\n");
  }
  return text_page("text/html; charset=utf-8", people_page(context));
}

http::Response statistics_page(const Context& context) {
  std::vector<std::string> lines;
  std::uint64_t requests = 0;
  int active = 0;
  for (const auto& app : context.supervisor->apps()) {
    active += app->load();
    for (const auto& slot : app->slots()) {
      const std::string name = "gw.backend." + app->spec().label + '.' + std::to_string(slot->number) + '.';
      requests += slot->counters.requests;
      const bool disabled = slot->state == Slot::State::waiting;
      lines.push_back(name + "connected: " + std::to_string(slot->counters.requests));
      lines.push_back(name + "died: " + std::to_string(slot->counters.deaths));
      lines.push_back(name + "disabled: " + (disabled ? "1" : "0"));
      lines.push_back(name + "load: " + std::to_string(slot->load));
      lines.push_back(name + "overloaded: " + std::to_string(app->overloaded()));
    }
    lines.push_back("gw.backend." + app->spec().label + ".load: " + std::to_string(app->load()));
  }
  lines.push_back("gw.active-requests: " + std::to_string(active));
  lines.push_back("fastcgi.requests: " + std::to_string(requests));
  std::sort(lines.begin(), lines.end());
  std::string body;
  for (const std::string& line : lines) {
    body += line + '\n';
  }
  return text_page("text/plain", std::move(body));
}

http::Response config_page(const Context& context) {
  const ConfigTree& tree = context.site->tree();
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Settings</title></head>"
      "<body><h1>Settings</h1>\n<table>\n";
  for (const Setting& setting : tree.blocks.front().settings) {
    const auto file = static_cast<std::size_t>(setting.place.file);
    const std::string where =
        setting.place.line > 0 ? tree.files[file] + ':' + std::to_string(setting.place.line) : std::string{};
    out += "<tr><td>" + escape_html(setting.key) + "</td><td>" + escape_html(where) + "</td></tr>\n";
  }
  return text_page("text/html; charset=utf-8", out + "</table></body></html>\n");
}

}  // namespace microtome::host
