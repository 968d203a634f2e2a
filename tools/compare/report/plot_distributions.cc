// How the times of calls are distributed: a density of each side above its median and its high quantiles with their intervals.
//
// The density is a histogram of fine bins that a Gaussian kernel smooths, as wide as Silverman's rule says. The slowest half per cent of calls
// does not stretch the axis: how many lie beyond it is said.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "tools/compare/report/html_parts.h"
#include "tools/compare/report/plots.h"
#include "tools/compare/report/quantities.h"
#include "tools/compare/report/scale.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kBins = 140;
constexpr double kInset = 18, kCurve = 74, kRow = 128, kTop = 16, kBottom = 28;
using Curve = std::array<double, kBins>;

std::vector<double> finite_of(const std::vector<double>& samples) {
  std::vector<double> finite;
  std::ranges::copy_if(samples, std::back_inserter(finite),
                       [](double sample) { return std::isfinite(sample) && sample >= 0; });
  std::ranges::sort(finite);
  return finite;
}

double quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

// Robust against the few calls that take very long.
double spread(const std::vector<double>& sorted) {
  return (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.349;
}

Curve density(const std::vector<double>& sorted, double low, double high) {
  Curve bins{}, smooth{};
  const double width = (high - low) / kBins;
  for (const double sample : sorted)
    if (sample >= low && sample <= high)
      bins.at(std::min(kBins - 1, static_cast<std::size_t>((sample - low) / width))) +=
          1.0 / static_cast<double>(sorted.size());
  const double bandwidth = 0.9 * spread(sorted) * std::pow(static_cast<double>(sorted.size()), -0.2);
  const double sigma = std::clamp(bandwidth / width, 0.8, 12.0);
  for (std::size_t i = 0; i < kBins; ++i) {
    for (std::size_t j = 0; j < kBins; ++j) {
      const double distance = (static_cast<double>(i) - static_cast<double>(j)) / sigma;
      if (bins.at(j) > 0 && std::abs(distance) < 4)
        smooth.at(i) += bins.at(j) * std::exp(-distance * distance / 2) / sigma;
    }
  }
  return smooth;
}

Path curve_path(const Curve& curve, double most, double baseline, double width) {
  Path path;
  path.move(kInset, baseline);
  for (std::size_t i = 0; i < kBins; ++i) {
    const double x = kInset + (static_cast<double>(i) + 0.5) / kBins * (width - 2 * kInset);
    path.line(x, baseline - curve.at(i) / most * kCurve);
  }
  return path.line(width - kInset, baseline).close();
}

struct Quantile {
  const char* name;
  const Interval& interval;
};

void draw_quantiles(Svg& svg, const Latency& latency, const Scale& scale, double baseline,
                    const std::string& tone) {
  double last = -100;
  double row = 0;
  for (const Quantile& quantile :
       {Quantile{"p50", latency.p50}, Quantile{"p90", latency.p90}, Quantile{"p99", latency.p99}}) {
    if (!std::isfinite(quantile.interval.estimate)) continue;
    const double x = scale(quantile.interval.estimate), y = baseline + 9;
    if (!std::isnan(quantile.interval.low) && !std::isnan(quantile.interval.high))
      svg.line(scale(quantile.interval.low), y, scale(quantile.interval.high), y, "line-" + tone);
    svg.line(x, baseline, x, baseline + 15, "line-" + tone);
    row = x - last < 30 ? row + 13 : 0;
    svg.text(x, baseline + 28 + row, quantile.name, "", x > svg.width() - 20 ? Anchor::End : Anchor::Middle);
    last = x;
  }
}

}  // namespace

void add_distributions(Html& html, const Distributions& distributions) {
  const std::array<std::vector<double>, 2> samples = {finite_of(distributions.speed.latency[0].samples),
                                                      finite_of(distributions.speed.latency[1].samples)};
  if (samples[0].size() < 2 || samples[1].size() < 2) return;
  const double low = std::min(samples[0].front(), samples[1].front());
  double high = std::max(quantile(samples[0], 0.995), quantile(samples[1], 0.995));
  // A span that doubles can divide into bins.
  if (!(high - low > high * 1e-9) || high > 1e300) return;
  const double margin = (high - low) * 0.03;
  const double from = std::max(0.0, low - margin);
  high += margin;
  std::array<Curve, 2> curves = {density(samples[0], from, high), density(samples[1], from, high)};
  const double most =
      std::max({*std::ranges::max_element(curves[0]), *std::ranges::max_element(curves[1]), 1e-300});
  Plot plot = distributions.plot;
  plot.height = kTop + 2 * kRow + kBottom;
  add_plot(html, plot, [&](Svg& svg) {
    const Scale scale = Scale::linear(from, high).onto(kInset, svg.width() - kInset);
    const double bottom = kTop + 2 * kRow;
    for (const Tick& tick : scale.ticks(svg.is_narrow() ? 4 : 8, time_text)) {
      svg.line(tick.place, kTop, tick.place, bottom, "grid");
      svg.text(tick.place, bottom + 18, tick.label, "", Anchor::Middle);
    }
    for (std::size_t side = 0; side < 2; ++side) {
      const double baseline = kTop + kRow * static_cast<double>(side) + kCurve + 8;
      const std::string tone = side == 0 ? "a" : "b";
      svg.path(curve_path(curves.at(side), most, baseline, svg.width()), "area-" + tone);
      draw_quantiles(svg, distributions.speed.latency.at(side), scale, baseline, tone);
      const auto beyond = samples.at(side).end() - std::ranges::upper_bound(samples.at(side), high);
      svg.text(svg.width() - kInset, baseline - kCurve + 8, distributions.labels.at(side), tone, Anchor::End);
      if (beyond > 0)
        svg.text(svg.width() - kInset, baseline - kCurve + 23,
                 counted(static_cast<std::uint64_t>(beyond), "slower call") + " →", "", Anchor::End);
    }
  });
}

void add_series(Html& html, const Preview& preview, const std::string& title) {
  const std::size_t count = std::min<std::size_t>({preview.lows.size(), preview.highs.size(), 400});
  if (count == 0) return;
  double low = 0, high = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::isfinite(preview.lows[i])) low = std::min(low, static_cast<double>(preview.lows[i]));
    if (std::isfinite(preview.highs[i])) high = std::max(high, static_cast<double>(preview.highs[i]));
  }
  add_drawing(html, 300, 64, title, [&](Svg& svg) {
    const Scale scale = Scale::linear(low, high).onto(svg.height() - 2, 2);
    Path path;
    const auto place = [&](std::size_t i) {
      return static_cast<double>(i) / static_cast<double>(std::max<std::size_t>(count - 1, 1)) * svg.width();
    };
    for (std::size_t i = 0; i < count; ++i)
      i == 0 ? path.move(place(i), scale(preview.highs[i])) : path.line(place(i), scale(preview.highs[i]));
    for (std::size_t i = count; i-- > 0;)
      path.line(place(i), scale(preview.lows[i]));
    svg.line(0, scale(0), svg.width(), scale(0), "grid");
    svg.path(path.close(), "wave");
  });
}

}  // namespace hubcell::compare
