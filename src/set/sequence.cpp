// SPDX-License-Identifier: Apache-2.0
// How the number of a slice is found among the digits of its name.
//
// 1. Names of the form {name}{pattern}{nnn}_{vvv} are series by {name}; nnn is the number.
// 2. The rest is grouped by skeleton: the name with every run of digits taken out. In a group, the number is the run
//    that differs in every name ("641_2002_2568_NM01_s004": the last one; 2567/2568 varies too, but repeats). When
//    several runs do, the one with the most regular distances wins (a time of day differs everywhere, but not
//    evenly), then the last.
// 3. When none differs everywhere, the run with the most different values (then the last) is the number, and
//    the values of the other varying runs cut the group into series of their own ("eye1_s001", "eye2_s001").
// 4. Series of three and more, together holding at least half of the names, are the folder's sets; two alone in a
// folder count too.
//    What is left over (a label, an overview, a second picture with a number that is taken) becomes the set "others".
// 5. Else the folder is one set of single pictures, 1..n by name.
#include "set/sequence.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "set/names.hpp"

namespace microtome::set {
namespace {

constexpr std::size_t kSeries = 3;  // members that make a series beside others
constexpr std::size_t kJump = 100;
constexpr std::int64_t kPreferredVertical = 90;

struct Named {
  std::size_t file = 0;
  Shape shape;
};

struct Found {
  std::vector<Sequence> series;   // of two and more members
  std::vector<std::size_t> rest;  // files without a place
};

// Share of the most common distance among the sorted values, 0..1.
double regularity(std::vector<std::int64_t> values) {
  std::ranges::sort(values);
  std::unordered_map<std::int64_t, std::size_t> count;
  std::size_t best = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    best = std::max(best, ++count[values[i] - values[i - 1]]);
  }
  return values.size() < 2 ? 0 : static_cast<double>(best) / static_cast<double>(values.size() - 1);
}

struct Choice {
  std::size_t run = 0;
  bool unique = false;
  std::vector<std::size_t> others;  // runs that vary as well
};

std::optional<Choice> choose_run(const std::vector<Named>& group) {
  Choice choice;
  std::vector<std::size_t> varying;
  std::size_t most = 1;
  double best = -1;
  for (std::size_t run = 0; run < group.front().shape.values.size(); ++run) {
    std::vector<std::int64_t> values;
    values.reserve(group.size());
    for (const Named& named : group) {
      values.push_back(named.shape.values[run]);
    }
    const std::size_t different = std::unordered_set<std::int64_t>(values.begin(), values.end()).size();
    if (different < 2) {
      continue;
    }
    varying.push_back(run);
    if (different == group.size()) {
      if (const double even = regularity(values); even >= best) {
        best = even;
        choice.run = run;
        choice.unique = true;
      }
    } else if (!choice.unique && different >= most) {
      most = different;
      choice.run = run;
    }
  }
  if (varying.empty()) {
    return std::nullopt;
  }
  std::ranges::copy_if(varying, std::back_inserter(choice.others),
                       [&](std::size_t run) { return run != choice.run; });
  return choice;
}

// The text before the given run of digits, without separators at its end.
std::string stem_before(std::string_view stem, std::size_t run) {
  std::size_t at = 0;
  std::size_t seen = 0;
  const Shape shape = shape_of(stem);
  // Walks the skeleton and the stem side by side; both hold the same text between the runs.
  std::size_t in_stem = 0;
  for (; at < shape.skeleton.size(); ++at) {
    if (shape.skeleton[at] != '\x01') {
      ++in_stem;
      continue;
    }
    if (seen++ == run) {
      break;
    }
    while (in_stem < stem.size() && stem[in_stem] >= '0' && stem[in_stem] <= '9') {
      ++in_stem;
    }
  }
  std::string_view text = stem.substr(0, in_stem);
  while (!text.empty() && std::string_view("_-. ").find(text.back()) != std::string_view::npos) {
    text.remove_suffix(1);
  }
  return std::string(text);
}

// Sorts by number; of several files with one number the best format stays, the others go to `rest`.
void settle(Sequence sequence, const std::vector<std::string_view>& names, Found& found) {
  std::ranges::sort(sequence.members, [&](const Member& a, const Member& b) {
    if (a.number != b.number) {
      return a.number < b.number;
    }
    const int rank_a = format_rank(names[a.file]);
    const int rank_b = format_rank(names[b.file]);
    return rank_a != rank_b ? rank_a < rank_b : names[a.file] < names[b.file];
  });
  Sequence unique{std::move(sequence.stem), {}};
  for (const Member& member : sequence.members) {
    if (!unique.members.empty() && unique.members.back().number == member.number) {
      found.rest.push_back(member.file);
    } else {
      unique.members.push_back(member);
    }
  }
  if (unique.members.size() < 2) {
    found.rest.push_back(unique.members.front().file);
  } else {
    found.series.push_back(std::move(unique));
  }
}

void take_group(const std::vector<Named>& group, const std::vector<std::string_view>& names, Found& found) {
  const auto choice = choose_run(group);
  if (!choice) {
    // The same name with several extensions: the best one counts, as a picture on its own.
    for (const Named& named : group) {
      found.rest.push_back(named.file);
    }
    return;
  }
  std::map<std::vector<std::int64_t>, Sequence> parts;
  for (const Named& named : group) {
    std::vector<std::int64_t> key;
    if (!choice->unique) {
      for (const std::size_t run : choice->others) {
        key.push_back(named.shape.values[run]);
      }
    }
    Sequence& part = parts[key];
    if (part.members.empty()) {
      part.stem = stem_before(stem_of(names[named.file]), choice->run);
    }
    part.members.push_back({named.shape.values[choice->run], named.file});
  }
  for (auto& [key, part] : parts) {
    settle(std::move(part), names, found);
  }
}

Found group_names(const std::vector<std::string_view>& names, std::string_view pattern) {
  Found found;
  struct Seen {
    std::int64_t off = 0;  // distance of the vertical position from 90
    std::size_t file = 0;
  };
  std::map<std::string_view, std::map<std::int64_t, Seen>> positions;
  std::map<std::string, std::vector<Named>> groups;
  for (std::size_t file = 0; file < names.size(); ++file) {
    const std::string_view stem = stem_of(names[file]);
    if (const auto position = position_of(stem, pattern)) {
      const std::int64_t off = std::abs(position->vertical - kPreferredVertical);
      auto [at, fresh] = positions[position->name].try_emplace(position->horizontal, Seen{off, file});
      if (!fresh && off < at->second.off) {
        at->second = {off, file};
      }
      continue;
    }
    Shape shape = shape_of(stem);
    std::string skeleton = shape.skeleton;
    groups[std::move(skeleton)].push_back({file, std::move(shape)});
  }
  for (const auto& [name, horizontal] : positions) {
    Sequence sequence{std::string(name), {}};
    for (const auto& [number, seen] : horizontal) {
      sequence.members.push_back({number, seen.file});
    }
    found.series.push_back(std::move(sequence));
  }
  for (const auto& [skeleton, group] : groups) {
    take_group(group, names, found);
  }
  return found;
}

Sequence numbered_by_name(std::string stem, std::vector<std::size_t> files,
                          const std::vector<std::string_view>& names) {
  std::ranges::sort(files, [&](std::size_t a, std::size_t b) { return natural_less(names[a], names[b]); });
  Sequence sequence{std::move(stem), {}};
  for (const std::size_t file : files) {
    sequence.members.push_back({static_cast<std::int64_t>(sequence.members.size()) + 1, file});
  }
  return sequence;
}

// A folder with one picture: a number at the end of the name is the slice's, so that links stay when more slices
// come.
Sequence lone(const std::vector<std::string_view>& names, std::string_view pattern) {
  const std::string_view stem = stem_of(names.front());
  if (const auto position = position_of(stem, pattern)) {
    return {"", {{position->horizontal, 0}}};
  }
  const Shape shape = shape_of(stem);
  const bool at_end = !shape.values.empty() && shape.skeleton.back() == '\x01';
  return {"", {{at_end ? shape.values.back() : 1, 0}}};
}

}  // namespace

std::vector<Sequence> find_sequences(const std::vector<std::string_view>& names, std::string_view pattern) {
  if (names.empty()) {
    return {};
  }
  if (names.size() == 1) {
    return {lone(names, pattern)};
  }
  Found found = group_names(names, pattern);
  std::size_t held = 0;
  std::size_t placed = found.rest.size();
  const bool only = found.rest.empty() && found.series.size() == 1;
  std::vector<Sequence> kept;
  for (Sequence& series : found.series) {
    placed += series.members.size();
    if (series.members.size() >= kSeries || only) {
      held += series.members.size();
      kept.push_back(std::move(series));
    } else {
      for (const Member& member : series.members) {
        found.rest.push_back(member.file);
      }
    }
  }
  if (kept.empty() || held * 2 < placed) {
    for (const Sequence& series : kept) {
      for (const Member& member : series.members) {
        found.rest.push_back(member.file);
      }
    }
    return {numbered_by_name("", std::move(found.rest), names)};
  }
  std::ranges::sort(kept, [](const Sequence& a, const Sequence& b) { return natural_less(a.stem, b.stem); });
  if (kept.size() == 1) {
    kept.front().stem.clear();
  }
  if (!found.rest.empty()) {
    kept.push_back(numbered_by_name("others", std::move(found.rest), names));
  }
  return kept;
}

std::int64_t common_step(const std::vector<std::int64_t>& numbers) {
  if (numbers.size() < 3) {
    return numbers.size() == 2 ? numbers[1] - numbers[0] : 1;
  }
  std::map<std::int64_t, std::size_t> count;
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    ++count[numbers[i] - numbers[i - 1]];
  }
  const auto best = std::ranges::max_element(count, [](const auto& a, const auto& b) { return a.second < b.second; });
  return best->second * 3 >= numbers.size() - 1 ? best->first : 0;
}

std::vector<std::int64_t> missing_numbers(const std::vector<std::int64_t>& numbers, std::int64_t step) {
  std::vector<std::int64_t> missing;
  if (step <= 0) {
    return missing;
  }
  const auto most = static_cast<std::int64_t>(std::max(kJump, numbers.size()));
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    const std::int64_t distance = numbers[i] - numbers[i - 1];
    const std::int64_t room = distance / step + (distance % step * 2 >= step ? 1 : 0) - 1;
    if (room > most) {
      continue;
    }
    for (std::int64_t k = 1; k <= room; ++k) {
      missing.push_back(numbers[i - 1] + k * step);
    }
  }
  return missing;
}

}  // namespace microtome::set
