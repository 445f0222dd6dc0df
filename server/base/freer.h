// Ends what a C library has made with that library's own function:
//
//   using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
//
// Thread rule: that of the function.
#pragma once

namespace bursar {

template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};

}  // namespace bursar
