// Bounds the streams that occupy a thread each, and ends them when the server stops.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <set>

#include "grpcpp/server_context.h"

namespace bursar {

class ActiveStreams {
 public:
  // At most that many at once.
  explicit ActiveStreams(size_t max) : max_(max) {}

  // Counts a stream for as long as it lives. Not admitted when there are too many, or when the
  // server stops.
  class Entry {
   public:
    Entry(ActiveStreams* streams, grpc::ServerContext* context)
        : streams_(streams), context_(context), is_admitted_(streams->Enter(context)) {}
    ~Entry() {
      if (is_admitted_) streams_->Leave(context_);
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    bool is_admitted() const { return is_admitted_; }

   private:
    ActiveStreams* const streams_;
    grpc::ServerContext* const context_;
    const bool is_admitted_;
  };

  // Cancels every stream and admits no more.
  void Stop() {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    for (grpc::ServerContext* context : contexts_) context->TryCancel();
  }

 private:
  bool Enter(grpc::ServerContext* context) {
    const std::lock_guard lock(mutex_);
    if (is_stopped_ || contexts_.size() >= max_) return false;
    return contexts_.insert(context).second;
  }
  void Leave(grpc::ServerContext* context) {
    const std::lock_guard lock(mutex_);
    contexts_.erase(context);
  }

  const size_t max_;
  std::mutex mutex_;
  std::set<grpc::ServerContext*> contexts_;  // Guarded by mutex_.
  bool is_stopped_ = false;                  // Guarded by mutex_.
};

}  // namespace bursar
