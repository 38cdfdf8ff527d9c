// SPDX-License-Identifier: Apache-2.0
// The selection language against brute force over sets of voxels.
#include "woolz/expression.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <set>

#include "woolz/evaluate.hpp"
#include "woolz/synthetic.hpp"

namespace microtome::woolz {
namespace {

using Point = std::array<int, 3>;
struct Brute {
  std::set<Point> domain;
  std::map<Point, double> values;
  bool has_values = false;
  double background = 0;
  [[nodiscard]] double at(const Point& p) const {
    const auto found = values.find(p);
    return found == values.end() ? background : found->second;
  }
};

constexpr int kLow = -14;
constexpr int kHigh = 24;

const std::array<std::function<bool(std::int64_t, std::int64_t, std::int64_t)>, 4> kShapes{
    [](auto x, auto y, auto z) { return x * x + y * y + z * z < 90; },
    [](auto x, auto y, auto z) { return (x - 4) * (x - 4) + (y + 2) * (y + 2) + (z - 3) * (z - 3) < 50; },
    [](auto x, auto y, auto z) {
      return std::abs(x) < 6 && std::abs(y - 3) < 4 && z > -3 && z < 9 && (x + y + z) % 4 != 0;
    },
    // A hollow ball: a shell with a hole that only corners touch.
    [](auto x, auto y, auto z) {
      const auto d = x * x + y * y + z * z;
      return d > 20 && d < 60;
    }};

double value(std::int64_t x, std::int64_t y, std::int64_t z) {
  return static_cast<double>((x * 3 + y * 5 + z * 7 + 999) % 200);
}

class Selection : public testing::Test {
 protected:
  void SetUp() override {
    synthetic::Maker maker;
    maker.compound(4);
    for (std::size_t i = 0; i < kShapes.size(); ++i) {
      VolumeDescription d;
      d.box = {kLow, kLow, kLow, kHigh, kHigh, kHigh};
      d.grey = i == 1 ? Grey::none : i == 2 ? Grey::int16 : Grey::uint8;
      d.background = {i == 2 ? 7.0 : 0.0, 0};
      d.tiled = i == 3;
      maker.volume(d, value, kShapes[i]);
      Brute brute;
      brute.has_values = d.grey != Grey::none;
      brute.background = d.background.number;
      for (int z = kLow; z <= kHigh; ++z) {
        for (int y = kLow; y <= kHigh; ++y) {
          for (int x = kLow; x <= kHigh; ++x) {
            if (kShapes[i](x, y, z)) {
              brute.domain.insert({x, y, z});
              brute.values[{x, y, z}] = value(x, y, z);
            }
          }
        }
      }
      members_.push_back(brute);
    }
    maker.end_compound();
    auto object = open_object(maker.bytes(), {});
    ASSERT_TRUE(object) << object.error().context;
    object_ = *object;
  }

  Brute brute(const Expression& e);
  void check(const std::string& text) {
    auto selector = parse_selector(text);
    ASSERT_TRUE(selector) << text;
    auto body = evaluate(*object_, selector->expression, {}, {});
    ASSERT_TRUE(body) << text << ": " << body.error().message;
    const Brute want = brute(selector->expression);
    EXPECT_EQ((*body)->domain->voxels(), want.domain.size()) << text;
    ASSERT_EQ((*body)->values != nullptr, want.has_values) << text;
    for (int z = kLow - 8; z <= kHigh + 8; ++z) {
      for (int y = kLow - 8; y <= kHigh + 8; ++y) {
        for (int x = kLow - 8; x <= kHigh + 8; ++x) {
          const bool in = want.domain.contains({x, y, z});
          ASSERT_EQ((*body)->domain->contains({x, y, z}), in) << text << " at " << x << "," << y << "," << z;
          if (in && want.has_values) {
            ASSERT_EQ((*body)->values->at({x, y, z}).number, want.at({x, y, z})) << text;
          }
        }
      }
    }
  }

  ObjectPtr object_;
  std::vector<Brute> members_;
};

std::set<Point> ball(int radius) {
  std::set<Point> points;
  for (int dz = -radius; dz <= radius; ++dz) {
    const double rho2 = std::max(1, radius * radius - dz * dz);
    for (int dy = -static_cast<int>(std::sqrt(rho2) + 0.5); dy <= static_cast<int>(std::sqrt(rho2) + 0.5); ++dy) {
      const double left = rho2 - dy * dy;
      const int half = left < 0.5 ? 0 : static_cast<int>(std::sqrt(left));
      for (int dx = -half; dx <= half; ++dx) {
        points.insert({dx, dy, dz});
      }
    }
  }
  return points;
}

std::set<Point> filled(const std::set<Point>& domain) {
  std::set<Point> outside;
  std::vector<Point> waiting{{kLow - 1, kLow - 1, kLow - 1}};
  outside.insert(waiting[0]);
  while (!waiting.empty()) {
    const Point p = waiting.back();
    waiting.pop_back();
    for (const Point& d : {Point{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}}) {
      const Point q{p[0] + d[0], p[1] + d[1], p[2] + d[2]};
      if (std::all_of(q.begin(), q.end(), [](int v) { return v >= kLow - 1 && v <= kHigh + 1; }) &&
          !domain.contains(q) && outside.insert(q).second) {
        waiting.push_back(q);
      }
    }
  }
  std::set<Point> all;
  for (int z = kLow; z <= kHigh; ++z) {
    for (int y = kLow; y <= kHigh; ++y) {
      for (int x = kLow; x <= kHigh; ++x) {
        if (!outside.contains({x, y, z})) {
          all.insert({x, y, z});
        }
      }
    }
  }
  return all;
}

Brute Selection::brute(const Expression& e) {
  Brute out;
  std::vector<Brute> parts;
  for (const Expression& operand : e.operands) {
    if (operand.operation == Operation::index) {
      for (std::int64_t i = operand.first; i <= operand.last; ++i) {
        parts.push_back(members_[static_cast<std::size_t>(i)]);
      }
    } else {
      parts.push_back(brute(operand));
    }
  }
  switch (e.operation) {
    case Operation::index:
      return members_[static_cast<std::size_t>(e.first)];
    case Operation::union_of:
    case Operation::occupancy:
      for (const Brute& p : e.operands.empty() ? members_ : parts) {
        for (const Point& q : p.domain) {
          out.domain.insert(q);
          out.values[q] += 1;
        }
      }
      out.has_values = e.operation == Operation::occupancy;
      break;
    case Operation::domain:
      out.domain = parts[0].domain;
      break;
    case Operation::intersection:
    case Operation::difference:
      for (const Point& q : parts[0].domain) {
        if (parts[1].domain.contains(q) == (e.operation == Operation::intersection)) {
          out.domain.insert(q);
        }
      }
      if (e.operation == Operation::difference) {
        out.has_values = parts[0].has_values;
        out.values = parts[0].values;
      }
      break;
    case Operation::transfer:
      out = parts[1];
      out.values.clear();
      for (const Point& q : parts[1].domain) {
        out.values[q] = parts[1].at(q);
      }
      out.domain = parts[0].domain;
      break;
    case Operation::set_value:
    case Operation::background:
      out.domain = parts[0].domain;
      out.has_values = true;
      out.background = e.number;
      break;
    case Operation::threshold:
      out = parts[0];
      std::erase_if(out.domain, [&](const Point& q) {
        const double v = parts[0].at(q);
        const double t = std::trunc(e.number);
        switch (e.relation) {
          case Relation::less:
            return !(v < t);
          case Relation::less_equal:
            return !(v <= t);
          case Relation::equal:
            return v != t;
          case Relation::greater_equal:
            return !(v >= t);
          case Relation::greater:
            return !(v > t);
        }
        return true;
      });
      break;
    case Operation::dilation:
      for (const Point& q : parts[0].domain) {
        for (const Point& d : ball(static_cast<int>(e.number))) {
          out.domain.insert({q[0] + d[0], q[1] + d[1], q[2] + d[2]});
        }
      }
      break;
    case Operation::erosion: {
      const auto element = ball(static_cast<int>(e.number));
      for (const Point& q : parts[0].domain) {
        if (std::all_of(element.begin(), element.end(), [&](const Point& d) {
              return parts[0].domain.contains({q[0] + d[0], q[1] + d[1], q[2] + d[2]});
            })) {
          out.domain.insert(q);
        }
      }
      break;
    }
    case Operation::fill:
      out.domain = filled(parts[0].domain);
      break;
  }
  return out;
}

TEST_F(Selection, EqualsBruteForce) {
  for (const char* text : {"0",
                           "2",
                           "union(0,1)",
                           "union(0-2)",
                           "union(1,union(2,3))",
                           "union(3)",
                           "intersect(0,1)",
                           "diff(0,1)",
                           "diff(1,0)",
                           "diff(domain(0),2)",
                           "domain(2)",
                           "threshold(0,120,lt)",
                           "threshold(0,120,le)",
                           "threshold(2,120,eq)",
                           "threshold(3,120.9,ge)",
                           "threshold(0,120,gt)",
                           "setvalue(1,100)",
                           "setvalue(0,-4000)",
                           "background(2,50)",
                           "transfer(1,0)",
                           "transfer(0,3)",
                           "transfer(1,diff(0,2))",
                           "occupancy()",
                           "occupancy(1-3)",
                           "occupancy(0,2)",
                           "dilation(1,1)",
                           "dilation(2,3)",
                           "dilation(3,0)",
                           "erosion(0,1)",
                           "erosion(domain(0),4)",
                           "erosion(2,2)",
                           "fill(3)",
                           "fill(0)",
                           "fill(union(1,3))",
                           "threshold(transfer(1,0),100,ge)",
                           "diff(dilation(1,2),erosion(1,1))"}) {
    check(text);
  }
}

TEST_F(Selection, SaysWhatItCannotDo) {
  const auto code = [&](const std::string& text) {
    auto body = evaluate(*object_, parse_selector(text)->expression, {}, {});
    return body ? std::optional<Code>() : body.error().code;
  };
  EXPECT_EQ(code("99"), Code::bad_request);
  EXPECT_EQ(code("union(0-2000000000)"), Code::bad_request);
  EXPECT_EQ(code("threshold(1,3,ge)"), Code::bad_request);
  EXPECT_EQ(code("dilation(0,1000000)"), Code::too_large);
  // Selections of one request share what they may cost.
  Work work;
  work.steps = 1'000'000;
  const auto selector = parse_selector("dilation(1,4)");
  int done = 0;
  while (evaluate(*object_, selector->expression, {}, {}, work) && done < 1000) {
    ++done;
  }
  EXPECT_GT(done, 0);
  EXPECT_LT(done, 1000);
  EXPECT_EQ(evaluate(*object_, selector->expression, {}, {}, work).error().code, Code::too_large);
  EXPECT_TRUE(evaluate(*object_, parse_selector("1")->expression, {}, {}, work));
  std::string many = "union(0";
  for (int i = 0; i < 150; ++i) {
    many += ",dilation(dilation(0," + std::to_string(i % 64) + "),64)";
  }
  const auto within = [&](const std::string& text, std::uint64_t steps) {
    work.steps = steps;
    auto body = evaluate(*object_, parse_selector(text)->expression, {}, {}, work);
    return body ? std::optional<Code>() : body.error().code;
  };
  EXPECT_EQ(within(many + ")", 50'000'000), Code::too_large);
  std::string filled = "0";
  for (int i = 0; i < 31; ++i) {
    filled = "fill(" + filled + ")";  // each is a brick larger on all sides
  }
  EXPECT_EQ(within(filled, 50'000'000), Code::too_large);
  EXPECT_EQ(within("fill(fill(0))", 50'000'000), std::nullopt);
  CancelToken gone;
  gone.cancel();
  EXPECT_EQ(evaluate(*object_, parse_selector("fill(0)")->expression, {}, gone).error().code, Code::cancelled);
}

TEST(Expression, TintsAreOneThreeOrFourNumbers) {
  const auto tint = [](const char* text) { return parse_selector(text)->tint; };
  EXPECT_EQ(tint("0"), (Tint{255, 255, 255, 255}));
  EXPECT_EQ(tint("0,128"), (Tint{255, 255, 255, 128}));
  EXPECT_EQ(tint("union(1,3),255,0,7"), (Tint{255, 0, 7, 255}));
  EXPECT_EQ(tint("2,1,2,3,4"), (Tint{1, 2, 3, 4}));
  EXPECT_EQ(tint("2,-1,900,3,4"), (Tint{0, 255, 3, 4}));
}

TEST(Expression, RefusesWhatIsMalformed) {
  for (const char* text : {"",
                           "1,2,3",
                           "1,2,3,4,5,6",
                           "union",
                           "union(",
                           "union()",
                           "union(1",
                           "union(1,)",
                           "foo(1)",
                           "threshold(0,1)",
                           "threshold(0,1,xx)",
                           "diff(1)",
                           "dilation(1)",
                           "1-3",
                           "union(3-1)",
                           "0,",
                           "UNION(1,2)",
                           "99999999999",
                           "fill(0,1)",
                           "occupancy(domain(1))"}) {
    EXPECT_FALSE(parse_selector(text)) << text;
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) {
    deep += "fill(";
  }
  EXPECT_FALSE(parse_selector(deep));
  std::string wide = "union(0";
  for (int i = 0; i < 5000; ++i) {
    wide += ",0";
  }
  EXPECT_FALSE(parse_selector(wide + ")"));
}

TEST(Expression, TextIsCanonicalAndReadsBack) {
  for (const char* text : {"3", "union(1-3,5)", "threshold(transfer(2,0),12.5,ge)", "occupancy()",
                           "diff(dilation(1,3),background(0,7))"}) {
    const Expression e = parse_selector(text)->expression;
    EXPECT_EQ(e.text(), text);
    EXPECT_EQ(parse_selector(e.text())->expression, e);
  }
  EXPECT_EQ(parse_selector(" union( 1 , 2 )")->expression.text(), "union(1,2)");
  EXPECT_EQ(parse_selector("3")->expression.cost(), 0);
  EXPECT_EQ(parse_selector("domain(background(3,1))")->expression.cost(), 1);
  EXPECT_EQ(parse_selector("domain(fill(3))")->expression.cost(), 2);
}

}  // namespace
}  // namespace microtome::woolz
