// SPDX-License-Identifier: Apache-2.0
#include "woolz/lost_pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace microtome::woolz {
namespace {

constexpr std::size_t kSlots = 8192;
constexpr std::uintptr_t kTaken = 1;  // a slot that is being filled

// A signal handler can only look at what never moves: atomics of the whole process.
struct Slot {
  std::atomic<std::uintptr_t> begin{0};  // 0: free
  std::atomic<std::uintptr_t> end{0};
};
std::array<Slot, kSlots> g_slots;
std::atomic<std::size_t> g_used{0};  // slots below this may be in use
std::atomic<std::uintptr_t> g_page{4096};
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free);

bool ours(std::uintptr_t address) {
  const std::size_t used = g_used.load();
  for (std::size_t i = 0; i < used; ++i) {
    const std::uintptr_t begin = g_slots[i].begin.load();
    if (begin > kTaken && address >= begin && address < g_slots[i].end.load()) {
      return true;
    }
  }
  return false;
}

void on_bus_error(int, siginfo_t* info, void*) {
  const int saved = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const std::uintptr_t page = g_page.load();
  void* at = reinterpret_cast<void*>(address & ~(page - 1));  // NOLINT(performance-no-int-to-ptr)
  if (!ours(address) || mmap(at, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
    struct sigaction usual{};
    usual.sa_handler = SIG_DFL;
    sigaction(SIGBUS, &usual, nullptr);  // the same fault comes again and ends the process
  }
  errno = saved;
}

}  // namespace

void survive_lost_pages() {
  g_page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  struct sigaction action{};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

WatchedMapping::WatchedMapping(const void* begin, std::size_t length) : slot_(kSlots) {
  for (std::size_t i = 0; i < kSlots; ++i) {
    std::uintptr_t free = 0;
    if (!g_slots[i].begin.compare_exchange_strong(free, kTaken)) {
      continue;
    }
    std::size_t used = g_used.load();
    while (used <= i && !g_used.compare_exchange_weak(used, i + 1)) {
    }
    const auto from = reinterpret_cast<std::uintptr_t>(begin);
    g_slots[i].end = from + length;
    g_slots[i].begin = from;
    slot_ = i;
    return;
  }
}

WatchedMapping::~WatchedMapping() {
  if (slot_ < kSlots) {
    g_slots[slot_].begin = 0;
  }
}

}  // namespace microtome::woolz
