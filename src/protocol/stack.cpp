// SPDX-License-Identifier: Apache-2.0
#include "protocol/stack.hpp"

#include <algorithm>

#include "codec/deflate.hpp"
#include "http/conditional.hpp"
#include "http/negotiate.hpp"
#include "protocol/json_writer.hpp"
#include "protocol/numbers.hpp"
#include "protocol/set_calls.hpp"
#include "protocol/strip.hpp"
#include "set/hash.hpp"

namespace microtome::protocol {
namespace {

constexpr int kGzipLevel = 9;  // 5,000 slices: see stack_test
constexpr std::size_t kBytesPerSlice = 160;
constexpr std::size_t kMostStack = 256U << 20;  // bytes of JSON
constexpr int kTries = 3;                       // pictures that are opened to show one size

std::string_view name_of(set::Status status) {
  switch (status) {
    case set::Status::ok:
      return "ok";
    case set::Status::damaged:
      return "damaged";
    case set::Status::missing:
      return "missing";
  }
  return "missing";
}

struct Totals {
  std::int64_t present = 0;
  std::int64_t missing = 0;
  std::int64_t damaged = 0;
  const set::Slice* thumbnail = nullptr;  // the middle one of those that can be shown
};

Totals count(const set::Set& set) {
  Totals totals;
  std::vector<const set::Slice*> shown;
  for (const set::Slice& slice : set.slices) {
    totals.missing += slice.status == set::Status::missing ? 1 : 0;
    totals.damaged += slice.status == set::Status::damaged ? 1 : 0;
    totals.present += slice.status != set::Status::missing ? 1 : 0;
    if (slice.status == set::Status::ok) {
      shown.push_back(&slice);
    }
  }
  totals.thumbnail = shown.empty() ? nullptr : shown[(shown.size() - 1) / 2];
  return totals;
}

void write_ends(JsonWriter& json, const set::Set& set) {
  json.key("first").value(set.slices.empty() ? 0 : set.slices.front().number);
  json.key("last").value(set.slices.empty() ? 0 : set.slices.back().number);
}

void write_slice(JsonWriter& json, const set::Slice& slice) {
  json.begin_object();
  json.key("number").value(slice.number);
  json.key("name").value(slice.name);
  json.key("id").value(slice.id);
  json.key("width").value(slice.width);
  json.key("height").value(slice.height);
  json.key("z_um").value(slice.z_um);
  json.key("status").value(name_of(slice.status));
  if (slice.transform) {
    json.key("transform").begin_array();
    for (const double value : *slice.transform) {
      json.value(value);
    }
    json.end_array();
  }
  json.end_object();
}

bool knows_a_size(const set::Set& set) {
  return std::ranges::any_of(set.slices, [](const set::Slice& slice) { return slice.width > 0; });
}

// A page can lay itself out when it knows one size. Blocks.
void learn_a_size(const Call& call, const set::Set& set) {
  int tries = 0;
  for (const set::Slice& slice : set.slices) {
    if (slice.path.empty() || slice.status != set::Status::ok) {
      continue;
    }
    if (const auto picture = call.engine().open_now(slice.path)) {
      return learn(call, slice.path, (*picture)->info());
    } else if (picture.error().code == Code::corrupt || picture.error().code == Code::unsupported) {
      call.site->catalogue().learn_damaged(slice.path);
    }
    if (++tries >= kTries) {
      return;
    }
  }
}

std::shared_ptr<const StackDocument> make_document(const set::SetPtr& set, const std::string& json) {
  auto document = std::make_shared<StackDocument>();
  document->set = set;
  document->etag = format_hex(set::Hash().add(json).value());
  if (auto gzip = codec::deflate(as_bytes(json), codec::Wrapper::gzip, kGzipLevel)) {
    gzip->shrink_to_fit();
    document->gzip = std::make_shared<const Bytes>(std::move(*gzip));
  }
  return document;
}

void send(const Call& call, const StackDocument& document) {
  http::Response response;
  response.headers.add("Content-Type", "application/json");
  response.headers.add("Vary", "Accept-Encoding");
  set_caching(call, response.headers, Caching::revalidate);
  if (document.gzip && http::encoding_weight(call.request().headers, "gzip") > 0) {
    response.headers.add("Content-Encoding", "gzip");
    response.body = document.gzip;
    return answer_conditional(call, std::move(response), "\"" + document.etag + "-gzip\"", std::nullopt);
  }
  // Few clients want it plain, so the plain text is not kept.
  if (document.gzip) {
    if (auto plain = codec::inflate(*document.gzip, codec::Wrapper::gzip, kMostStack)) {
      response.body = std::move(*plain);
    }
  }
  if (std::holds_alternative<std::monostate>(response.body)) {
    response.body = stack_json(*document.set);
  }
  answer_conditional(call, std::move(response), "\"" + document.etag + "\"", std::nullopt);
}

}  // namespace

std::string sets_json(const std::vector<set::SetPtr>& sets, const std::vector<std::string>& volumes) {
  JsonWriter json;
  json.begin_object().key("sets").begin_array();
  for (const set::SetPtr& set : sets) {
    const Totals totals = count(*set);
    json.begin_object();
    json.key("name").value(set->name).key("title").value(set->title);
    json.key("slices")
        .value(totals.present)
        .key("missing")
        .value(totals.missing)
        .key("damaged")
        .value(totals.damaged);
    write_ends(json, *set);
    if (totals.thumbnail != nullptr) {
      json.key("thumbnail").value(totals.thumbnail->number).key("id").value(totals.thumbnail->id);
    } else {
      json.key("thumbnail").null().key("id").null();
    }
    json.key("width").value(totals.thumbnail != nullptr ? totals.thumbnail->width : 0);
    json.key("height").value(totals.thumbnail != nullptr ? totals.thumbnail->height : 0);
    json.key("pixel_size_um").value(set->pixel_size_um).key("spacing_um").value(set->spacing_um);
    json.key("version").value(format_hex(set->version));
    json.end_object();
  }
  json.end_array().key("volumes").begin_array();
  for (const std::string& name : volumes) {
    json.begin_object().key("name").value(name).end_object();
  }
  json.end_array().end_object();
  return json.take();
}

std::string stack_json(const set::Set& set) {
  JsonWriter json;
  json.reserve(set.slices.size() * kBytesPerSlice);
  json.begin_object();
  json.key("name").value(set.name).key("title").value(set.title);
  json.key("version").value(format_hex(set.version));
  json.key("pixel_size_um").value(set.pixel_size_um).key("spacing_um").value(set.spacing_um);
  write_ends(json, set);
  json.key("step").value(set.step);
  json.key("warnings").begin_array();
  for (const std::string& warning : set.warnings) {
    json.value(warning);
  }
  json.end_array();
  json.key("slices").begin_array();
  for (const set::Slice& slice : set.slices) {
    write_slice(json, slice);
  }
  json.end_array().end_object();
  return json.take();
}

std::shared_ptr<const StackDocument> StackCache::find(const set::SetPtr& set) {
  const std::scoped_lock lock(mutex_);
  const auto at = std::ranges::find_if(documents_, [&](const auto& document) { return document->set == set; });
  if (at == documents_.end()) {
    return nullptr;
  }
  documents_.splice(documents_.begin(), documents_, at);
  return *at;
}

void StackCache::put(std::shared_ptr<const StackDocument> document) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(documents_, [&](const auto& other) { return other->set->name == document->set->name; });
  documents_.push_front(std::move(document));
  if (documents_.size() > most_) {
    documents_.pop_back();
  }
}

void answer_sets(const Call& call) {
  on_worker(call, [call] {
    auto& catalogue = call.site->catalogue();
    std::string json = sets_json(catalogue.sets(), catalogue.volumes());
    const std::string etag = "\"" + format_hex(set::Hash().add(json).value()) + "\"";
    answer_text(call, "application/json", std::move(json), Caching::revalidate, etag);
  });
}

void answer_stack(const Call& call, const std::string& set_name) {
  if (call.site->catalogue().fresh()) {
    const set::SetPtr known = call.site->catalogue().known(set_name);
    const auto document = known ? call.service->stacks->find(known) : nullptr;
    if (document) {
      return send(call, *document);
    }
  }
  on_worker(call, [call, set_name] {
    auto found = call.site->catalogue().find(set_name);
    if (found && !knows_a_size(**found)) {
      learn_a_size(call, **found);
      found = call.site->catalogue().find(set_name);
    }
    if (!found) {
      return answer_error(call, found.error());
    }
    auto document = call.service->stacks->find(*found);
    if (!document) {
      document = make_document(*found, stack_json(**found));
      call.service->stacks->put(document);
    }
    send(call, *document);
  });
}

}  // namespace microtome::protocol
