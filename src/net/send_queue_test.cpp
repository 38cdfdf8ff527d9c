// SPDX-License-Identifier: Apache-2.0
#include "net/send_queue.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

#include "net/body_source.hpp"

namespace microtome::net {
namespace {

// A pair of connected sockets; what is sent at one end is collected at the other.
class Wire {
 public:
  Wire() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data()), 0);
    const int small = 8192;
    setsockopt(ends_[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  }
  ~Wire() {
    close(ends_[0]);
    hang_up();
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  [[nodiscard]] int fd() const { return ends_[0]; }
  void hang_up() {
    if (ends_[1] >= 0) {
      close(ends_[1]);
      ends_[1] = -1;
    }
  }
  void collect() {
    std::array<char, 65536> buffer;
    ssize_t got = 0;
    while ((got = recv(ends_[1], buffer.data(), buffer.size(), 0)) > 0) {
      received.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  // Flushes and collects until the queue is done or something else stops it.
  SendQueue::Status pump(SendQueue& queue) {
    while (true) {
      const SendQueue::Status status = queue.flush(fd());
      collect();
      if (status == SendQueue::Status::cold) {
        queue.warmed();
      } else if (status != SendQueue::Status::blocked) {
        return status;
      }
    }
  }
  std::string received;

 private:
  std::array<int, 2> ends_{-1, -1};
};

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    std::string name = (std::filesystem::temp_directory_path() / "microtome-send-XXXXXX").string();
    const int fd = mkstemp(name.data());
    EXPECT_EQ(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    fsync(fd);
    close(fd);
    path_ = name;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] io::FilePtr open() const { return *io::File::open(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    text[i] = static_cast<char>(i * 7919 >> 3);
  }
  return text;
}

SharedBytes shared(const std::string& text) {
  return std::make_shared<const Bytes>(text.begin(), text.end());
}

TEST(SendQueue, SendsEverythingInOrder) {
  const std::string content = pattern(300000);
  const TemporaryFile file(content);
  SendQueue queue;
  std::string expected;
  for (int i = 0; i < 100; ++i) {  // more pieces than one call takes, and than are kept before compaction
    const std::string word = "piece " + std::to_string(i) + ";";
    queue.copy(word);
    queue.copy("+");
    queue.share(shared(std::string(static_cast<std::size_t>(i) * 40, 'm')));
    queue.file({file.open(), static_cast<std::uint64_t>(i) * 1000, 2000});
    expected += word + "+" + std::string(static_cast<std::size_t>(i) * 40, 'm') +
                content.substr(static_cast<std::size_t>(i) * 1000, 2000);
  }
  EXPECT_EQ(queue.size(), expected.size());
  EXPECT_EQ(queue.peek(), expected);
  Wire wire;
  EXPECT_EQ(wire.pump(queue), SendQueue::Status::done);
  EXPECT_TRUE(wire.received == expected);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.sent(), expected.size());
}

TEST(SendQueue, TellsWhenThePeerTakesNoMore) {
  SendQueue queue;
  queue.share(shared(std::string(1000000, 'x')));
  const Wire wire;
  EXPECT_EQ(queue.flush(wire.fd()), SendQueue::Status::blocked);
  EXPECT_FALSE(queue.budget_spent());
  EXPECT_LT(queue.size(), 1000000U);
}

TEST(SendQueue, SendsNoMoreThanItsBudget) {
  const TemporaryFile file(pattern(600000));
  SendQueue queue;
  queue.share(shared(std::string(5000, 'x')));
  queue.share(shared(std::string(5000, 'y')));
  queue.file({file.open(), 0, 600000});
  Wire wire;
  for (int i = 1; i <= 8; ++i) {
    SendQueue::Status status = queue.flush(wire.fd(), false, 3000);
    if (status == SendQueue::Status::cold) {
      queue.warmed();
      status = queue.flush(wire.fd(), false, 3000 - queue.sent() % 3000);
    }
    EXPECT_EQ(status, SendQueue::Status::blocked);
    EXPECT_TRUE(queue.budget_spent());
    EXPECT_EQ(queue.sent(), 3000U * static_cast<unsigned>(i));
    wire.collect();
  }
  EXPECT_EQ(wire.received, std::string(5000, 'x') + std::string(5000, 'y') + pattern(600000).substr(0, 14000));
}

TEST(SendQueue, StopsAfterItsBudget) {
  const TemporaryFile file(pattern(600000));
  SendQueue queue;
  queue.file({file.open(), 0, 600000});
  Wire wire;
  const int large = 4 << 20;
  setsockopt(wire.fd(), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
  SendQueue::Status status = queue.flush(wire.fd(), false, 1000);
  if (status == SendQueue::Status::cold) {
    queue.warmed();
    status = queue.flush(wire.fd(), false, 1000);
  }
  EXPECT_EQ(status, SendQueue::Status::blocked);
  EXPECT_LT(queue.sent(), 600000U);
}

TEST(SendQueue, TellsOfAPeerThatIsGone) {
  SendQueue queue;
  queue.copy("hello");
  Wire wire;
  wire.hang_up();
  EXPECT_EQ(queue.flush(wire.fd()), SendQueue::Status::gone);  // and no signal
}

TEST(SendQueue, AFileThatEndsTooEarlyIsBroken) {
  const TemporaryFile file(pattern(5000));
  SendQueue queue;
  queue.file({file.open(), 4000, 2000});
  Wire wire;
  EXPECT_EQ(wire.pump(queue), SendQueue::Status::broken);
  EXPECT_TRUE(wire.received == pattern(5000).substr(4000));
  SendQueue nothing;
  nothing.file({nullptr, 0, 10});
  EXPECT_EQ(nothing.flush(wire.fd()), SendQueue::Status::broken);
  nothing.clear();
  EXPECT_EQ(nothing.flush(wire.fd()), SendQueue::Status::done);
}

TEST(SendQueue, AFileThatShrinksWhileItIsSentIsBroken) {
  const TemporaryFile file(pattern(500000));
  SendQueue queue;
  queue.file({file.open(), 0, 500000});
  Wire wire;
  EXPECT_NE(queue.flush(wire.fd()), SendQueue::Status::done);
  std::filesystem::resize_file(file.path(), 1000);
  EXPECT_EQ(wire.pump(queue), SendQueue::Status::broken);
}

// Drops a file from the page cache; false where the file system keeps it (tmpfs). Asking once only: a probe makes the
// kernel begin to read.
bool evict(const io::File& file) {
  posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
  return !file.resident(0, file.size());
}

TEST(SendQueue, NeverWaitsForTheDisk) {
  const std::string content = pattern(900000);
  const TemporaryFile file(content);
  const io::FilePtr open = file.open();
  if (!evict(*open)) {
    GTEST_SKIP() << "the page cache keeps the file";
  }
  posix_fadvise(open->fd(), 0, 0, POSIX_FADV_DONTNEED);
  ResidentMemory memory;
  SendQueue queue(&memory);
  queue.copy("head");
  queue.file({open, 100, 800000});
  Wire wire;
  ASSERT_EQ(queue.flush(wire.fd()), SendQueue::Status::cold);
  EXPECT_EQ(queue.sent(), 4U);
  const io::FileRange range = queue.cold_range();
  EXPECT_EQ(range.offset, 100U);
  EXPECT_GT(range.length, 0U);
  ASSERT_TRUE(range.file->read(range.offset, static_cast<std::size_t>(range.length)));
  queue.warmed();
  EXPECT_EQ(wire.pump(queue), SendQueue::Status::done);
  EXPECT_TRUE(wire.received == "head" + content.substr(100, 800000));
}

TEST(ResidentMemory, AsksOnlyOnceForHotRegions) {
  const TemporaryFile file(pattern(100000));
  const io::FilePtr open = file.open();
  ASSERT_TRUE(open->read(0, 100000));
  ResidentMemory memory;
  ASSERT_TRUE(memory.resident(*open, 50, 1000));
  if (evict(*open)) {
    EXPECT_TRUE(memory.resident(*open, 70000, 1000)) << "remembered for a while";
  }
}

TEST(BodySource, HandsOutPiecesOfAnySize) {
  const std::string content = pattern(5000);
  const TemporaryFile file(content);
  const http::FileBody body{
      shared("prefix"), {{file.open(), 10, 1000}, {file.open(), 0, 0}, {file.open(), 3000, 7}}, shared("suffix")};
  const std::string expected = "prefix" + content.substr(10, 1000) + content.substr(3000, 7) + "suffix";
  for (const std::uint64_t step : {1U, 5U, 64U, 100000U}) {
    BodySource source{http::Body(body)};
    EXPECT_EQ(source.length(), expected.size());
    SendQueue queue;
    while (!source.finished()) {
      const std::uint64_t before = source.ready();
      EXPECT_EQ(source.move(queue, step), std::min(step, before));
    }
    EXPECT_TRUE(queue.peek() == expected) << step;
  }
}

class Counted : public http::Producer {
 public:
  explicit Counted(std::optional<std::uint64_t> length) : length_(length) {}
  Result<bool> pull(Bytes& out) override {
    out.assign(10, 'x');
    return false;
  }
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::optional<std::uint64_t> length_;
};

TEST(BodySource, HoldsProducersToTheirLength) {
  for (const auto& [length, good] :
       {std::pair<std::optional<std::uint64_t>, bool>{std::nullopt, true}, {10, true}, {9, false}, {11, false}}) {
    BodySource source{http::Body(std::shared_ptr<http::Producer>(std::make_shared<Counted>(length)))};
    EXPECT_TRUE(source.may_pull());
    EXPECT_FALSE(source.finished());
    const auto taken = source.arrived({false, Bytes(10, 'x')});
    EXPECT_EQ(taken.has_value(), good);
    EXPECT_FALSE(source.may_pull());
  }
}

TEST(SendQueue, GivesItsBytesToWhoSendsOtherwise) {
  SendQueue queue;
  queue.copy("abc");
  queue.body(std::string(5000, 'x'));
  std::array<char, 4> few;
  std::size_t got = 0;
  EXPECT_EQ(queue.pull(few, got), SendQueue::Status::done);
  EXPECT_EQ(std::string_view(few.data(), got), "abcx");
  EXPECT_EQ(queue.size(), 4999U);
  std::string rest(9000, '\0');
  EXPECT_EQ(queue.pull(rest, got), SendQueue::Status::done);
  EXPECT_EQ(got, 4999U);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.sent(), 5003U);
  EXPECT_EQ(queue.pull(rest, got), SendQueue::Status::done);
  EXPECT_EQ(got, 0U);
  queue.file({});  // an empty range is none
  queue.file({nullptr, 0, 10});
  EXPECT_EQ(queue.pull(rest, got), SendQueue::Status::broken);
}

}  // namespace
}  // namespace microtome::net
