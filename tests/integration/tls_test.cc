// TLS by certificate files: gRPC and HTTP, with a certificate made for the test.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "grpc/health/v1/health.grpc.pb.h"
#include "server/app/server.h"
#include "tests/storage/temporary_directory.h"

namespace bursar {
namespace {

// Writes a self-signed certificate for "localhost" and its key.
void WriteCertificate(const std::string& certificate_file, const std::string& key_file) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_version(certificate, 2);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_EXTENSION* const names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  EXPECT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
  std::FILE* file = std::fopen(certificate_file.c_str(), "w");
  EXPECT_EQ(PEM_write_X509(file, certificate), 1);
  std::fclose(file);
  file = std::fopen(key_file.c_str(), "w");
  EXPECT_EQ(PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr), 1);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

class Tls : public testing::Test {
 protected:
  Tls() {
    WriteCertificate(directory_.path() + "/cert", directory_.path() + "/key");
    std::ofstream(directory_.path() + "/token") << "correct-horse-battery-staple-0123";
    options_.listen = {*ListenAddress::Parse("localhost:0")};
    options_.http_listen = *ListenAddress::Parse("127.0.0.1:0");
    options_.data_directory = directory_.path() + "/data";
    options_.operator_token_file = directory_.path() + "/token";
    options_.tls_certificate_file = directory_.path() + "/cert";
    options_.tls_key_file = directory_.path() + "/key";
  }

  static grpc::Status Health(const std::string& address,
                             const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    auto stub = grpc::health::v1::Health::NewStub(grpc::CreateChannel(address, credentials));
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    return stub->Check(&context, grpc::health::v1::HealthCheckRequest(), &response);
  }

  TemporaryDirectory directory_;
  Options options_;
};

// Rules: A1
TEST_F(Tls, ServesWhoTrustsTheCertificateAndNobodyInPlaintext) {
  auto server = Server::Start(options_);
  ASSERT_TRUE(server.ok()) << server.status();
  std::string address = (*server)->Addresses();
  address = address.substr(5, address.find(' ') - 5);
  std::ifstream file(options_.tls_certificate_file);
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  const grpc::Status trusted = Health(address, grpc::SslCredentials(ssl));
  EXPECT_TRUE(trusted.ok()) << trusted.error_message();
  EXPECT_EQ(Health(address, grpc::InsecureChannelCredentials()).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Health(address, grpc::SslCredentials(grpc::SslCredentialsOptions())).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  (*server)->Drain(absl::Seconds(30));
}

// Rules: A1
TEST_F(Tls, UnusableCertificateIsRefusedAtStart) {
  std::ofstream(options_.tls_certificate_file) << "not a certificate";
  EXPECT_FALSE(Server::Start(options_).ok());
  options_.tls_key_file = directory_.path() + "/missing";
  EXPECT_EQ(Server::Start(options_).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace bursar
