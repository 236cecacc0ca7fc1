/* Stand-in for libqat: what instances there are and what they can do. */
#include "stand_in.h"

#include <stdio.h>
#include <string.h>

static int has_service(int bit) {
  return (settings.services & bit) != 0;
}

static Cpa16U count_of(CpaAccelerationServiceType type) {
  if (settings.instances == 0) return 0;
  switch (type) {
    case CPA_ACC_SVC_TYPE_CRYPTO:
      return settings.services == 3 ? (Cpa16U)settings.instances : 0;
    case CPA_ACC_SVC_TYPE_CRYPTO_SYM:
      return settings.services == 1 ? (Cpa16U)settings.instances : 0;
    case CPA_ACC_SVC_TYPE_CRYPTO_ASYM:
      return settings.services == 2 ? (Cpa16U)settings.instances : 0;
    default:
      return 0;
  }
}

STAND_IN_PUBLIC CpaStatus cpaGetNumInstances(const CpaAccelerationServiceType type, Cpa16U *count) {
  if (!count) return CPA_STATUS_INVALID_PARAM;
  *count = count_of(type);
  return CPA_STATUS_SUCCESS;
}

STAND_IN_PUBLIC CpaStatus cpaGetInstances(const CpaAccelerationServiceType type, Cpa16U count, CpaInstanceHandle *list) {
  if (!list || count == 0) return CPA_STATUS_INVALID_PARAM;
  if (count > count_of(type)) return CPA_STATUS_RESOURCE;
  for (Cpa16U i = 0; i < count; i++) list[i] = &instances[i];
  return CPA_STATUS_SUCCESS;
}

STAND_IN_PUBLIC CpaStatus cpaCyGetNumInstances(Cpa16U *count) {
  return cpaGetNumInstances(CPA_ACC_SVC_TYPE_CRYPTO, count);
}

STAND_IN_PUBLIC CpaStatus cpaCyGetInstances(Cpa16U count, CpaInstanceHandle *list) {
  return cpaGetInstances(CPA_ACC_SVC_TYPE_CRYPTO, count, list);
}

STAND_IN_PUBLIC CpaStatus cpaCyInstanceGetInfo2(const CpaInstanceHandle handle, CpaInstanceInfo2 *info) {
  struct instance *instance = find_instance(handle);
  if (!instance || !info) return CPA_STATUS_INVALID_PARAM;
  memset(info, 0, sizeof *info);
  info->accelerationServiceType = CPA_ACC_SVC_TYPE_CRYPTO;
  snprintf((char *)info->vendorName, sizeof info->vendorName, "stand-in, no hardware");
  snprintf((char *)info->partName, sizeof info->partName, "QAT stand-in gen%d", settings.generation);
  snprintf((char *)info->swVersion, sizeof info->swVersion, "stand-in");
  snprintf((char *)info->instName, sizeof info->instName, "SSL_INST%d", (int)(instance - instances));
  info->operState = instance->started ? CPA_OPER_STATE_UP : CPA_OPER_STATE_DOWN;
  info->requiresPhysicallyContiguousMemory = CPA_TRUE;
  info->isPolled = CPA_TRUE;
  info->isOffloaded = CPA_TRUE;
  return CPA_STATUS_SUCCESS;
}

STAND_IN_PUBLIC CpaStatus cpaCySetAddressTranslation(const CpaInstanceHandle handle, CpaVirtualToPhysical translate) {
  struct instance *instance = find_instance(handle);
  if (!instance || !translate) return CPA_STATUS_INVALID_PARAM;
  instance->translate = translate;
  return CPA_STATUS_SUCCESS;
}

STAND_IN_PUBLIC CpaStatus cpaCyStartInstance(CpaInstanceHandle handle) {
  struct instance *instance = find_instance(handle);
  if (!instance) return CPA_STATUS_INVALID_PARAM;
  instance->started = 1;
  return CPA_STATUS_SUCCESS;
}

STAND_IN_PUBLIC CpaStatus cpaCyInstanceSetNotificationCb(const CpaInstanceHandle handle,
                                                         const CpaCyInstanceNotificationCbFunc notify, void *tag) {
  struct instance *instance = find_instance(handle);
  if (!instance) return CPA_STATUS_INVALID_PARAM;
  instance->notify = notify;
  instance->notify_tag = tag;
  return CPA_STATUS_SUCCESS;
}

STAND_IN_PUBLIC CpaStatus cpaCyQueryCapabilities(const CpaInstanceHandle handle, CpaCyCapabilitiesInfo *info) {
  if (!find_instance(handle) || !info) return CPA_STATUS_INVALID_PARAM;
  memset(info, 0, sizeof *info);
  info->symSupported = has_service(1);
  info->symDpSupported = has_service(1);
  info->rsaSupported = has_service(2);
  info->ecSupported = has_service(2);
  info->ecdhSupported = has_service(2);
  info->ecdsaSupported = has_service(2);
  info->lnSupported = has_service(2);
  info->hkdfSupported = has_service(1);
  info->extAlgchainSupported = settings.generation == 5;
  return CPA_STATUS_SUCCESS;
}

#define CIPHER(name) CPA_BITMAP_BIT_SET(info->ciphers, CPA_CY_SYM_CIPHER_##name)
#define HASH(name) CPA_BITMAP_BIT_SET(info->hashes, CPA_CY_SYM_HASH_##name)

static void add_gen6(CpaCySymCapabilitiesInfo *info) {
  CIPHER(NULL);
  CIPHER(AES_CTR);
  CIPHER(AES_GCM);
  CIPHER(AES_XTS);
  CIPHER(CHACHA);
  HASH(AES_GCM);
  HASH(AES_GMAC);
  HASH(POLY);
}

static void add_gen4(CpaCySymCapabilitiesInfo *info) {
  add_gen6(info);
  CIPHER(AES_CBC);
  CIPHER(AES_CCM);
  HASH(AES_CCM);
  HASH(AES_CMAC);
  HASH(AES_XCBC);
  HASH(AES_CBC_MAC);
  if (settings.legacy) CIPHER(AES_ECB);
}

STAND_IN_PUBLIC CpaStatus cpaCySymQueryCapabilities(const CpaInstanceHandle handle, CpaCySymCapabilitiesInfo *info) {
  if (!find_instance(handle) || !info) return CPA_STATUS_INVALID_PARAM;
  memset(info, 0, sizeof *info);
  if (!has_service(1)) return CPA_STATUS_UNSUPPORTED;
  if (settings.generation == 6) add_gen6(info);
  else add_gen4(info);
  if (settings.generation == 5) {
    CIPHER(SNOW3G_UEA2);
    CIPHER(ZUC_EEA3);
    HASH(SNOW3G_UIA2);
    HASH(ZUC_EIA3);
  }
  if (settings.legacy) {
    HASH(SHA1);
    HASH(SHA224);
  }
  HASH(SHA256);
  HASH(SHA384);
  HASH(SHA512);
  HASH(SHA3_224);
  HASH(SHA3_256);
  HASH(SHA3_384);
  HASH(SHA3_512);
  info->partialPacketSupported = settings.generation != 6;
  return CPA_STATUS_SUCCESS;
}

STAND_IN_PUBLIC CpaStatus cpaCyBufferListGetMetaSize(const CpaInstanceHandle handle, Cpa32U buffers, Cpa32U *size) {
  if (!find_instance(handle) || !size) return CPA_STATUS_INVALID_PARAM;
  *size = 24 + 16 * (buffers > 0 ? buffers : 1);
  return CPA_STATUS_SUCCESS;
}
