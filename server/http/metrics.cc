#include "server/http/metrics.h"

#include <sstream>

#include "prometheus/text_serializer.h"

namespace bursar {

prometheus::ClientMetric* MetricWriter::Add(const std::string& name, const std::string& help,
                                            prometheus::MetricType type,
                                            const MetricLabels& labels) {
  prometheus::MetricFamily& family = families_[name];
  family.name = name;
  family.help = help;
  family.type = type;
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  for (const auto& [key, value] : labels) metric.label.push_back({key, value});
  return &metric;
}

void MetricWriter::Counter(const std::string& name, const std::string& help, double value,
                           const MetricLabels& labels) {
  Add(name, help, prometheus::MetricType::Counter, labels)->counter.value = value;
}

void MetricWriter::Gauge(const std::string& name, const std::string& help, double value,
                         const MetricLabels& labels) {
  Add(name, help, prometheus::MetricType::Gauge, labels)->gauge.value = value;
}

std::string MetricWriter::ToText() const {
  std::vector<prometheus::MetricFamily> families;
  families.reserve(families_.size());
  for (const auto& [name, family] : families_) families.push_back(family);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace bursar
