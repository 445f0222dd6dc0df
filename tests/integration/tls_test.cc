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

#include "absl/time/clock.h"
#include "bursar/v1/operator_service.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/app/server.h"
#include "server/base/files.h"
#include "tests/storage/temporary_directory.h"

namespace bursar {
namespace {

// Writes a self-signed certificate for 127.0.0.1 and its key: a bare machine may not know the name
// localhost.
void WriteCertificate(const std::string& certificate_file, const std::string& key_file,
                      long seconds = 3600) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
  X509_set_version(certificate, 2);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_EXTENSION* const names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name,
                                                    "IP:127.0.0.1,DNS:caller.example");
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
    options_.listen = {*ListenAddress::Parse("127.0.0.1:0")};
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
TEST_F(Tls, WhatIsWrongWithWhichFileIsSaidBeforeAnythingStarts) {
  EXPECT_TRUE(CheckFiles(options_).ok());
  const std::string certificate = options_.tls_certificate_file;
  const std::string key = options_.tls_key_file;
  const std::string other_certificate = directory_.path() + "/other-cert";
  const std::string other_key = directory_.path() + "/other-key";
  WriteCertificate(other_certificate, other_key);
  const auto write = [&](const std::string& name, const std::string& contents) {
    std::ofstream(directory_.path() + name) << contents;
    return directory_.path() + name;
  };
  std::ifstream file(certificate);
  const std::string good{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EVP_PKEY* const secret = EVP_EC_gen("P-256");
  std::FILE* locked = std::fopen((directory_.path() + "/locked").c_str(), "w");
  EXPECT_EQ(PEM_write_PrivateKey(locked, secret, EVP_aes_256_cbc(), nullptr, 0, nullptr,
                                 const_cast<char*>("passphrase")),
            1);
  std::fclose(locked);
  EVP_PKEY_free(secret);
  const struct {
    std::string certificate, key, expected;
  } rows[] = {
      {write("/text", "not a certificate"), key, "/text holds no PEM certificate"},
      {key, key, "/key holds no PEM certificate"},
      {write("/cut", good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), key,
       "/cut holds a certificate after the first that cannot be read"},
      {certificate, certificate, "/cert holds no PEM private key"},
      {certificate, write("/empty", ""), "/empty holds no PEM private key"},
      {certificate, directory_.path() + "/locked", "/locked holds a key with a passphrase"},
      {certificate, other_key, "/other-key holds a key that does not belong to the certificate in"},
  };
  for (const auto& row : rows) {
    Options options = options_;
    options.tls_certificate_file = row.certificate;
    options.tls_key_file = row.key;
    const absl::Status status = CheckFiles(options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_NE(std::string(status.message()).find(row.expected), std::string::npos) << status;
    EXPECT_FALSE(Server::Start(options).ok());
  }
  // So is what is wrong with the authority of callers' certificates.
  options_.client_ca_file = write("/authority", "nobody's");
  EXPECT_EQ(CheckFiles(options_).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(Server::Start(options_).ok());
  options_.client_ca_file = directory_.path() + "/missing";
  EXPECT_EQ(CheckFiles(options_).code(), absl::StatusCode::kNotFound);
  options_.client_ca_file.clear();
  // A chain is a certificate with others behind it.
  options_.tls_certificate_file = write("/chain", good + good);
  EXPECT_TRUE(CheckFiles(options_).ok()) << CheckFiles(options_);
  options_.tls_key_file = directory_.path() + "/missing";
  EXPECT_EQ(CheckFiles(options_).code(), absl::StatusCode::kNotFound);
}

// Rules: A1
TEST_F(Tls, ACallersCertificateIsNobodysFromItsEndOnAlsoOnAnOpenConnection) {
  const std::string certificate = directory_.path() + "/caller", key = certificate + "-key";
  // It signs itself: it is its own authority.
  WriteCertificate(certificate, key, /*seconds=*/4);
  options_.client_ca_file = certificate;
  options_.client_identities_file = directory_.path() + "/identities";
  std::ofstream(options_.client_identities_file)
      << R"({"identities": [{"name": "chat", "san": "caller.example", "role": "operator",)"
      << R"( "organizations": ["*"]}]})";
  auto server = Server::Start(options_);
  ASSERT_TRUE(server.ok()) << server.status();
  std::string address = (*server)->Addresses();
  address = address.substr(5, address.find(' ') - 5);
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = *ReadFile(options_.tls_certificate_file);
  ssl.pem_cert_chain = *ReadFile(certificate);
  ssl.pem_private_key = *ReadFile(key);
  const auto channel = grpc::CreateChannel(address, grpc::SslCredentials(ssl));
  const auto stub = v1::OperatorService::NewStub(channel);
  const auto call = [&] {
    grpc::ClientContext context;
    v1::GetServerInfoResponse response;
    return stub->GetServerInfo(&context, v1::GetServerInfoRequest(), &response);
  };
  const grpc::Status first = call();
  EXPECT_TRUE(first.ok()) << first.error_message();
  grpc::Status last = first;
  const absl::Time end = absl::Now() + absl::Seconds(60);
  while (last.ok() && absl::Now() < end) last = call();
  EXPECT_EQ(last.error_code(), grpc::StatusCode::UNAUTHENTICATED) << last.error_message();
  EXPECT_EQ(channel->GetState(false), GRPC_CHANNEL_READY) << "it is the same connection";
  (*server)->Drain(absl::Seconds(30));
}

}  // namespace
}  // namespace bursar
