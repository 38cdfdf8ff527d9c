// SPDX-License-Identifier: Apache-2.0
#include "protocol/call.hpp"

#include "http/text.hpp"
#include "protocol/reply.hpp"

namespace microtome::protocol {
namespace {

// Whoever comes first after the scan has grown old starts the next one, and does not wait for it.
void refresh_soon(const Call& call) {
  if (!call.site->claim_refresh()) {
    return;
  }
  const auto submitted = call.service->pool.submit(WorkClass::tile, CancelToken(), [site = call.site](bool) {
    (void)site->catalogue().sets();
    site->refreshed();
  });
  if (!submitted) {
    call.site->refreshed();
  }
}

bool is_wlziipsrv(std::string_view path) {
  constexpr std::string_view kName = "/wlziipsrv.fcgi";
  return path.size() >= kName.size() && http::equal_no_case(path.substr(path.size() - kName.size()), kName);
}

}  // namespace

bool stands_for_wlziipsrv(const Call& call) {
  return call.options().as_wlziipsrv || is_wlziipsrv(call.request().path) || is_wlziipsrv(call.request().mount);
}

void on_worker(const Call& call, std::function<void()> job) {
  const auto submitted = call.service->pool.submit(WorkClass::tile, call.exchange->cancel(),
                                                   [call, job = std::move(job)](bool cancelled) {
                                                     if (cancelled) {
                                                       answer_error(call, {Code::cancelled, "nobody waits", {}});
                                                     } else {
                                                       job();
                                                     }
                                                   });
  if (!submitted) {
    answer_error(call, submitted.error());
  }
}

void find_name(const Call& call, Names order, std::string name, std::function<void(Found)> then,
               std::function<void(const Error&)> failed) {
  if (order == Names::ids_first) {
    // Ids of slices are in memory: no disk, and no wait for a scan.
    for (std::size_t slash = name.rfind('/'); slash != std::string::npos && slash > 0;
         slash = name.rfind('/', slash - 1)) {
      const set::SetPtr set = call.site->catalogue().known(std::string_view(name).substr(0, slash));
      const set::Slice* slice = set ? set->find_id(std::string_view(name).substr(slash + 1)) : nullptr;
      if (slice != nullptr && !slice->path.empty()) {
        refresh_soon(call);
        return then(Found{slice->path, nullptr, nullptr});
      }
    }
  }
  if (auto found = call.site->remembered(order, name)) {
    return then(std::move(*found));
  }
  on_worker(call, [call, order, name = std::move(name), then = std::move(then), failed = std::move(failed)] {
    auto found = call.site->find(order, name);
    if (!found) {
      return failed ? failed(found.error()) : answer_error(call, found.error());
    }
    then(std::move(*found));
  });
}

void find_set(const Call& call, std::string name, const std::function<bool(const set::Set&)>& good,
              std::function<void(set::SetPtr)> then) {
  set::SetPtr known = call.site->catalogue().known(name);
  if (known && (good(*known) || call.site->catalogue().fresh())) {
    refresh_soon(call);
    return then(std::move(known));
  }
  on_worker(call, [call, name = std::move(name), then = std::move(then)] {
    auto found = call.site->catalogue().find(name);
    if (!found) {
      return answer_error(call, found.error());
    }
    then(std::move(*found));
  });
}

}  // namespace microtome::protocol
