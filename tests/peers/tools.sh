# shellcheck shell=dash
# Programs that reach the device through the kernel's own driver.
cd /tmp || exit 1
key=000102030405060708090a0b0c0d0e0f
iv=0f0e0d0c0b0a09080706050403020100

check() { # NAME COMMAND...
  name="$1"
  shift
  if output="$("$@" 2>&1)"; then
    echo "CHECK $name ok"
  else
    echo "CHECK $name FAIL exit $?: $(echo "$output" | tail -n 1)"
    # The console's log has the rest.
    echo "$output"
  fi
}

openssl_enc() { # WORD...
  openssl enc -aes-128-cbc -K "$key" -iv "$iv" -nopad "$@"
}

for _ in $(seq 100); do
  grep -q virtio_crypto_aes_cbc /proc/crypto && break
  sleep 0.1
done
head -c 65536 /dev/urandom >plain
# Without an engine openssl computes by itself.
openssl_enc -in plain -out expected


echo "BEGIN openssl"
check openssl.encrypt openssl_enc -engine afalg -in plain -out encrypted
check openssl.encrypt.right cmp encrypted expected
check openssl.decrypt openssl_enc -engine afalg -d -in encrypted -out decrypted
check openssl.decrypt.right cmp decrypted plain
check openssl.speed openssl speed -engine afalg -evp aes-128-cbc -seconds 1 -bytes 4096
check openssl.speed.async \
  openssl speed -engine afalg -evp aes-128-cbc -seconds 1 -bytes 4096 -async_jobs 4
echo "END openssl"

echo "BEGIN kcapi"
exec 5</key.bin
check kcapi.encrypt kcapi-enc -e -c 'cbc(aes)' --keyfd 5 --iv "$iv" -i plain -o kcapi-encrypted
exec 5</key.bin
check kcapi.encrypt.right cmp kcapi-encrypted expected
check kcapi.decrypt \
  kcapi-enc -d --nounpad -c 'cbc(aes)' --keyfd 5 --iv "$iv" -i expected -o kcapi-decrypted
exec 5<&-
check kcapi.decrypt.right cmp kcapi-decrypted plain
echo "END kcapi"

echo "BEGIN cryptsetup"
for bits in 128 256; do
  check "cryptsetup.benchmark.$bits" cryptsetup benchmark -c aes-cbc -s "$bits"
done
echo "END cryptsetup"

echo "BEGIN stress-ng"
# It knows names that this kernel does not, and gives up at the fifth of them.
check stress-ng.af-alg stress-ng --af-alg 1 --af-alg-ops 250 --timeout 60
echo "END stress-ng"

echo "BEGIN keyctl"
head -c 32 /dev/urandom >digest
head -c 20 /dev/urandom >message
for file in /keys/*.der; do
  bits="$(basename "$file" .der)"
  id="$(keyctl padd asymmetric "$bits" @u <"$file")"
  check "keyctl.$bits.query" keyctl pkey_query "$id" 0 enc=pkcs1
  keyctl pkey_encrypt "$id" 0 message enc=pkcs1 >encrypted
  keyctl pkey_decrypt "$id" 0 encrypted enc=pkcs1 >decrypted
  check "keyctl.$bits.decrypts" cmp decrypted message
  openssl pkeyutl -decrypt -keyform DER -inkey "$file" -in encrypted -out decrypted
  check "keyctl.$bits.encrypts-for-openssl" cmp decrypted message
  keyctl pkey_sign "$id" 0 digest enc=pkcs1 hash=sha256 >signature
  check "keyctl.$bits.verifies" \
    keyctl pkey_verify "$id" 0 digest signature enc=pkcs1 hash=sha256
  check "keyctl.$bits.signs-for-openssl" openssl pkeyutl -verify -keyform DER \
    -inkey "$file" -in digest -sigfile signature -pkeyopt digest:sha256
  head -c 32 /dev/zero >other
  if keyctl pkey_verify "$id" 0 other signature enc=pkcs1 hash=sha256 2>/dev/null; then
    echo "CHECK keyctl.$bits.rejects FAIL a signature of something else verifies"
  else
    echo "CHECK keyctl.$bits.rejects ok"
  fi
done
echo "END keyctl"
