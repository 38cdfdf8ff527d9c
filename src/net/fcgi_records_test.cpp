// SPDX-License-Identifier: Apache-2.0
#include "net/fcgi_records.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace microtome::net::fcgi {
namespace {

using namespace std::string_literals;

struct Seen {
  Type type;
  std::uint16_t id;
  std::string content;
  friend bool operator==(const Seen&, const Seen&) = default;
};

// All records of `bytes`, fed `step` at a time; the pieces of a record joined. Sets `bad`.
std::vector<Seen> read_all(std::string_view bytes, std::size_t step, bool& bad) {
  RecordReader reader;
  std::vector<Seen> seen;
  bool open = false;
  bad = false;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    ByteView in = as_bytes(bytes.substr(at, step));
    Piece piece;
    RecordReader::Next next = RecordReader::Next::more;
    while ((next = reader.next(in, piece)) == RecordReader::Next::piece) {
      if (!open) {
        seen.push_back({piece.header.type, piece.header.id, ""});
      }
      seen.back().content += as_text(piece.content);
      open = !piece.end_of_record;
    }
    if (next == RecordReader::Next::bad) {
      bad = true;
      return seen;
    }
    EXPECT_TRUE(in.empty());
  }
  EXPECT_FALSE(open);
  EXPECT_TRUE(reader.between_records());
  return seen;
}

TEST(RecordReader, ReadsTheSameHoweverTheBytesArrive) {
  std::string bytes;
  append_begin_request(bytes, 513, Role::responder, kKeepConnection);
  append_header(bytes, Type::params, 513, 5, 3);
  bytes += "abcdeXXX";
  append_record(bytes, Type::params, 513, "");
  append_record(bytes, Type::get_values, 0, "hello");
  append_header(bytes, Type::abort_request, 7, 0, 255);
  bytes += std::string(255, 'p');
  append_record(bytes, Type::stdin_stream, 513, std::string(65535, 'z'));
  append_end_request(bytes, 513, 0xdeadbeef, ProtocolStatus::overloaded);
  const std::vector<Seen> expected{
      {Type::begin_request, 513, "\0\1\1\0\0\0\0\0"s},
      {Type::params, 513, "abcde"},
      {Type::params, 513, ""},
      {Type::get_values, 0, "hello"},
      {Type::abort_request, 7, ""},
      {Type::stdin_stream, 513, std::string(65535, 'z')},
      {Type::end_request, 513, "\xde\xad\xbe\xef\x02\0\0\0"s},
  };
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{1000}, bytes.size()}) {
    bool bad = true;
    const auto seen = read_all(bytes, step, bad);
    EXPECT_FALSE(bad);
    EXPECT_TRUE(seen == expected) << "by " << step << ": " << seen.size() << " records";
  }
}

TEST(RecordReader, RefusesAnotherVersionAtItsFirstByte) {
  RecordReader reader;
  ByteView in = as_bytes("\2");
  Piece piece;
  EXPECT_EQ(reader.next(in, piece), RecordReader::Next::bad);
  bool bad = false;
  read_all("GET / HTTP/1.1\r\n\r\n", 100, bad);
  EXPECT_TRUE(bad);
}

TEST(Bodies, AreReadAsTheyAreWritten) {
  std::string bytes;
  append_begin_request(bytes, 1, Role::filter, 0);
  const auto begin = read_begin_request(as_bytes(std::string_view(bytes).substr(kHeaderSize)));
  ASSERT_TRUE(begin);
  EXPECT_EQ(begin->role, 3);
  EXPECT_FALSE(begin->keep_connection());
  EXPECT_FALSE(read_begin_request(as_bytes("1234567")));
  bytes.clear();
  append_end_request(bytes, 1, 42, ProtocolStatus::unknown_role);
  const auto end = read_end_request(as_bytes(std::string_view(bytes).substr(kHeaderSize)));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->app_status, 42U);
  EXPECT_EQ(end->protocol_status, ProtocolStatus::unknown_role);
  bytes.clear();
  append_stream(bytes, Type::stdout_stream, 1, std::string(70000, 'x'));
  EXPECT_EQ(bytes.size(), 70000 + 2 * kHeaderSize);
}

std::map<std::string, std::string> pairs_of(std::string_view bytes, bool& good) {
  std::map<std::string, std::string> found;
  good = read_pairs(as_bytes(bytes), [&](std::string_view name, std::string_view value) {
    found[std::string(name)] = value;
    return true;
  });
  return found;
}

TEST(Pairs, AreReadAsTheyAreWritten) {
  std::string bytes;
  append_pair(bytes, "a", "1");
  append_pair(bytes, "", "");
  append_pair(bytes, std::string(127, 'n'), std::string(128, 'v'));
  append_pair(bytes, std::string(300, 'm'), "");
  bool good = false;
  const auto found = pairs_of(bytes, good);
  EXPECT_TRUE(good);
  EXPECT_EQ(found.size(), 4U);
  EXPECT_EQ(found.at("a"), "1");
  EXPECT_EQ(found.at(std::string(127, 'n')).size(), 128U);
  EXPECT_EQ(found.at(std::string(300, 'm')), "");
}

TEST(Pairs, TakeSmallLengthsInFourBytes) {
  bool good = false;
  const auto found = pairs_of("\x80\0\0\1\x80\0\0\2xyz"s, good);
  EXPECT_TRUE(good);
  EXPECT_EQ(found.at("x"), "yz");
}

TEST(Pairs, RefuseLengthsBeyondTheEnd) {
  for (const std::string& bad : {"\1"s, "\1\1"s, "\1\1a"s, "\2\0a"s, "\x80"s, "\x80\0\0"s,
                                 "\1\xff\xff\xff\xff"s + "ab"s, "\xff\xff\xff\xff\xff\xff\xff\xff"s}) {
    bool good = true;
    pairs_of(bad, good);
    EXPECT_FALSE(good) << testing::PrintToString(bad);
  }
}

TEST(Pairs, AreCounted) {
  const std::string bytes(20, '\0');
  int count = 0;
  const auto take = [&](std::string_view, std::string_view) { return ++count > 0; };
  EXPECT_TRUE(read_pairs(as_bytes(bytes), take, 10));
  EXPECT_FALSE(read_pairs(as_bytes(bytes), take, 9));
}

}  // namespace
}  // namespace microtome::net::fcgi
