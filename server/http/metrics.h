// The numbers that /metrics shows, gathered at each scrape from whoever counts them.
//
// Counting is done where things happen, in plain counters; this is only how they are named and
// written, in Prometheus' text format. Names begin with `bursar_`, counters end in `_total`, units
// are base units (seconds, bytes). Metrics never carry organizations or members.
//
// Thread rule: a MetricWriter belongs to one thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "prometheus/metric_family.h"

namespace bursar {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class MetricWriter {
 public:
  // A value that only grows while the process lives. `name` ends in "_total".
  void Counter(const std::string& name, const std::string& help, double value,
               const MetricLabels& labels = {});
  // A value that goes up and down.
  void Gauge(const std::string& name, const std::string& help, double value,
             const MetricLabels& labels = {});

  // All of it in the text format, families in the order of their names.
  std::string ToText() const;

 private:
  prometheus::ClientMetric* Add(const std::string& name, const std::string& help,
                                prometheus::MetricType type, const MetricLabels& labels);

  std::map<std::string, prometheus::MetricFamily> families_;
};

}  // namespace bursar
