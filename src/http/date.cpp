// SPDX-License-Identifier: Apache-2.0
#include "http/date.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "http/text.hpp"

namespace microtome::http {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::int64_t kFirst = -62167219200;  // 0000-01-01 00:00:00
constexpr std::int64_t kLast = 253402300799;   // 9999-12-31 23:59:59

// Reads a date from left to right; every step returns false at the first thing that does not fit.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool literal(std::string_view text) {
    if (!rest_.starts_with(text)) {
      return false;
    }
    rest_.remove_prefix(text.size());
    return true;
  }
  bool number(std::size_t digits, int& value) {
    const std::string_view text = rest_.substr(0, digits);
    if (text.size() < digits || !std::ranges::all_of(text, is_digit)) {
      return false;
    }
    std::from_chars(text.data(), text.data() + text.size(), value);
    rest_.remove_prefix(digits);
    return true;
  }
  template <std::size_t N>
  bool one_of(const std::array<std::string_view, N>& names, int& index) {
    for (std::size_t i = 0; i < N; ++i) {
      if (literal(names[i])) {
        index = static_cast<int>(i);
        return true;
      }
    }
    return false;
  }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

struct Parts {
  int weekday = 0, day = 0, month = 0, year = 0, hour = 0, minute = 0, second = 0;
};

bool read_time(Reader& in, Parts& parts) {
  return in.number(2, parts.hour) && in.literal(":") && in.number(2, parts.minute) && in.literal(":") &&
         in.number(2, parts.second);
}

bool read_fixdate(std::string_view text, Parts& parts) {
  Reader in(text);
  return in.one_of(kDays, parts.weekday) && in.literal(", ") && in.number(2, parts.day) && in.literal(" ") &&
         in.one_of(kMonths, parts.month) && in.literal(" ") && in.number(4, parts.year) && in.literal(" ") &&
         read_time(in, parts) && in.literal(" GMT") && in.done();
}

bool read_rfc850(std::string_view text, Parts& parts) {
  Reader in(text);
  return in.one_of(kLongDays, parts.weekday) && in.literal(", ") && in.number(2, parts.day) && in.literal("-") &&
         in.one_of(kMonths, parts.month) && in.literal("-") && in.number(2, parts.year) && in.literal(" ") &&
         read_time(in, parts) && in.literal(" GMT") && in.done();
}

bool read_asctime(std::string_view text, Parts& parts) {
  Reader in(text);
  if (!in.one_of(kDays, parts.weekday) || !in.literal(" ") || !in.one_of(kMonths, parts.month) || !in.literal(" ")) {
    return false;
  }
  const bool day = in.literal(" ") ? in.number(1, parts.day) : in.number(2, parts.day);
  return day && in.literal(" ") && read_time(in, parts) && in.literal(" ") && in.number(4, parts.year) && in.done();
}

std::optional<std::int64_t> to_seconds(const Parts& parts) {
  using namespace std::chrono;
  const year_month_day date{year(parts.year), month(static_cast<unsigned>(parts.month) + 1),
                            day(static_cast<unsigned>(parts.day))};
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) {
    return std::nullopt;
  }
  const auto days = sys_days(date).time_since_epoch().count();
  return static_cast<std::int64_t>(days) * 86400 + parts.hour * 3600 + parts.minute * 60 + std::min(parts.second, 59);
}

void append_two(std::string& out, unsigned value) {
  out.push_back(static_cast<char>('0' + value / 10 % 10));
  out.push_back(static_cast<char>('0' + value % 10));
}

int year_of(std::int64_t seconds) {
  using namespace std::chrono;
  return static_cast<int>(year_month_day(sys_days(days(seconds / 86400))).year());
}

}  // namespace

std::string format_date(std::int64_t seconds) {
  using namespace std::chrono;
  seconds = std::clamp(seconds, kFirst, kLast);
  const sys_seconds time{std::chrono::seconds(seconds)};
  const sys_days date = floor<days>(time);
  const year_month_day ymd(date);
  const hh_mm_ss clock(time - date);
  std::string out;
  out.reserve(29);
  out += kDays[weekday(date).c_encoding()];
  out += ", ";
  append_two(out, static_cast<unsigned>(ymd.day()));
  out += ' ';
  out += kMonths[static_cast<unsigned>(ymd.month()) - 1];
  out += ' ';
  const auto year = static_cast<unsigned>(static_cast<int>(ymd.year()));
  append_two(out, year / 100);
  append_two(out, year % 100);
  out += ' ';
  append_two(out, static_cast<unsigned>(clock.hours().count()));
  out += ':';
  append_two(out, static_cast<unsigned>(clock.minutes().count()));
  out += ':';
  append_two(out, static_cast<unsigned>(clock.seconds().count()));
  out += " GMT";
  return out;
}

std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now_seconds) {
  Parts parts;
  if (read_fixdate(text, parts) || read_asctime(text, parts)) {
    return to_seconds(parts);
  }
  if (!read_rfc850(text, parts)) {
    return std::nullopt;
  }
  const int now_year = year_of(now_seconds);
  parts.year += now_year - now_year % 100;
  if (parts.year > now_year + 50) {
    parts.year -= 100;
  }
  return to_seconds(parts);
}

}  // namespace microtome::http
