/**
 * Every operation of Segment's Public API, and what becomes of it here. docs/public-api.md is
 * generated from this table, and a test asks for each.
 */
export type OperationStatus = 'supported' | 'not yet' | 'not applicable';

export interface Operation {
  group: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As Segment writes it: `/sources/{sourceId}`. */
  path: string;
  name: string;
  status: OperationStatus;
  /** What is missing, or why it has no meaning here; empty when supported. */
  why: string;
}

type Row = readonly [method: Operation['method'], path: string, name: string];

const of = (group: string, status: OperationStatus, why: string, rows: readonly Row[]) =>
  rows.map(([method, path, name]): Operation => ({ group, method, path, name, status, why }));

export const OPERATIONS: readonly Operation[] = [
  ...of('activations', 'not applicable', 'audiences belong to Segment Engage', [
    [
      'POST',
      '/spaces/{spaceId}/audiences/{audienceId}/destination-connections/{connectionId}/activations',
      'addActivationToAudience',
    ],
    [
      'POST',
      '/spaces/{spaceId}/audiences/{audienceId}/destination-connections',
      'addDestinationToAudience',
    ],
    [
      'GET',
      '/spaces/{spaceId}/audiences/{audienceId}/activations/{id}',
      'getActivationFromAudience',
    ],
    ['GET', '/spaces/{spaceId}/audiences/{audienceId}/activations', 'listActivationsFromAudience'],
    [
      'GET',
      '/spaces/{spaceId}/audiences/{audienceId}/destination-connections',
      'listDestinationsFromAudience',
    ],
    [
      'GET',
      '/spaces/{spaceId}/audienceType/{audienceType}/supported-destinations',
      'listSupportedDestinationsFromAudience',
    ],
    [
      'DELETE',
      '/spaces/{spaceId}/audiences/{audienceId}/activations/{id}',
      'removeActivationFromAudience',
    ],
    [
      'DELETE',
      '/spaces/{spaceId}/audiences/{audienceId}/destination-connections/{destinationId}',
      'removeDestinationFromAudience',
    ],
    [
      'PATCH',
      '/spaces/{spaceId}/audiences/{audienceId}/activations/{id}',
      'updateActivationForAudience',
    ],
    [
      'PATCH',
      '/spaces/{spaceId}/audiences/{audienceId}/destination-connections/{destinationId}',
      'updateDestinationForAudience',
    ],
  ]),
  ...of('aPICalls', 'supported', '', [
    ['GET', '/usage/api-calls/sources/daily', 'getDailyPerSourceAPICallsUsage'],
    ['GET', '/usage/api-calls/daily', 'getDailyWorkspaceAPICallsUsage'],
  ]),
  ...of('audiences', 'not applicable', 'audiences belong to Segment Engage', [
    ['POST', '/spaces/{spaceId}/audiences/{id}/schedules', 'addAudienceScheduleToAudience'],
    ['POST', '/spaces/{spaceId}/audiences', 'createAudience'],
    ['POST', '/spaces/{spaceId}/audiences/previews', 'createAudiencePreview'],
    ['POST', '/spaces/{spaceId}/audiences/{audienceId}/runs', 'forceExecuteAudienceRun'],
    ['GET', '/spaces/{spaceId}/audiences/{id}', 'getAudience'],
    ['GET', '/spaces/{spaceId}/audiences/previews/{id}', 'getAudiencePreview'],
    [
      'GET',
      '/spaces/{spaceId}/audiences/{id}/schedules/{scheduleId}',
      'getAudienceScheduleFromSpaceAndAudience',
    ],
    [
      'GET',
      '/spaces/{spaceId}/audiences/{id}/audience-references',
      'listAudienceConsumersFromSpaceAndAudience',
    ],
    [
      'GET',
      '/spaces/{spaceId}/audiences/{id}/schedules',
      'listAudienceSchedulesFromSpaceAndAudience',
    ],
    ['GET', '/spaces/{spaceId}/audiences', 'listAudiences'],
    ['DELETE', '/spaces/{spaceId}/audiences/{id}', 'removeAudienceFromSpace'],
    [
      'DELETE',
      '/spaces/{spaceId}/audiences/{id}/schedules/{scheduleId}',
      'removeAudienceScheduleFromAudience',
    ],
    ['PATCH', '/spaces/{spaceId}/audiences/{id}', 'updateAudienceForSpace'],
    [
      'PATCH',
      '/spaces/{spaceId}/audiences/{id}/schedules/{scheduleId}',
      'updateAudienceScheduleForAudience',
    ],
  ]),
  ...of('auditTrail', 'supported', '', [['GET', '/audit-events', 'listAuditEvents']]),
  ...of('catalog', 'supported', '', [
    ['GET', '/catalog/destinations/{destinationMetadataId}', 'getDestinationMetadata'],
    ['GET', '/catalog/destinations', 'getDestinationsCatalog'],
    ['GET', '/catalog/sources/{sourceMetadataId}', 'getSourceMetadata'],
    ['GET', '/catalog/sources', 'getSourcesCatalog'],
    ['GET', '/catalog/warehouses/{warehouseMetadataId}', 'getWarehouseMetadata'],
    ['GET', '/catalog/warehouses', 'getWarehousesCatalog'],
  ]),
  ...of('computedTraits', 'not applicable', 'computed traits belong to Segment Engage', [
    ['POST', '/spaces/{spaceId}/computed-traits', 'createComputedTrait'],
    ['GET', '/spaces/{spaceId}/computed-traits/{id}', 'getComputedTrait'],
    ['GET', '/spaces/{spaceId}/computed-traits', 'listComputedTraits'],
    ['DELETE', '/spaces/{spaceId}/computed-traits/{id}', 'removeComputedTraitFromSpace'],
    ['PATCH', '/spaces/{spaceId}/computed-traits/{id}', 'updateComputedTraitForSpace'],
  ]),
  ...of('credentials', 'not applicable', 'belongs to Segment Unify', [
    ['POST', '/credentials', 'createCredential'],
    ['DELETE', '/credentials/{credentialId}', 'deleteCredential'],
    ['GET', '/credentials/{credentialId}', 'getCredential'],
    ['GET', '/credentials/{credentialId}/consumers', 'listCredentialConsumers'],
    ['GET', '/credentials', 'listCredentials'],
    ['PATCH', '/credentials/{credentialId}', 'updateCredential'],
  ]),
  ...of('customerInsights', 'not applicable', "downloads of Segment's own reports", [
    ['POST', '/customer-insights/download', 'createDownload'],
  ]),
  ...of('dbt', 'not applicable', 'dbt runs belong to Segment', [
    ['POST', '/dbt-model-syncs/trigger', 'createDbtModelSyncTrigger'],
  ]),
  ...of('deletionAndSuppression', 'not yet', 'deletion by regulations', [
    ['POST', '/regulations/cloudsources/{sourceId}', 'createCloudSourceRegulation'],
    ['POST', '/regulations/sources/{sourceId}', 'createSourceRegulation'],
    ['POST', '/regulations', 'createWorkspaceRegulation'],
    ['GET', '/regulations/{regulateId}', 'getRegulation'],
    ['GET', '/regulations/sources/{sourceId}', 'listRegulationsFromSource'],
    ['GET', '/suppressions', 'listSuppressions'],
    ['GET', '/regulations', 'listWorkspaceRegulations'],
  ]),
  ...of('deliveryOverview', 'supported', '', [
    [
      'GET',
      '/delivery-overview/filtered-at-source',
      'getFilteredAtSourceMetricsFromDeliveryOverview',
    ],
  ]),
  ...of('deliveryOverview', 'supported', '', [
    ['GET', '/delivery-overview/failed-delivery', 'getEgressFailedMetricsFromDeliveryOverview'],
    [
      'GET',
      '/delivery-overview/successful-delivery',
      'getEgressSuccessMetricsFromDeliveryOverview',
    ],
    [
      'GET',
      '/delivery-overview/filtered-at-destination',
      'getFilteredAtDestinationMetricsFromDeliveryOverview',
    ],
    ['GET', '/delivery-overview/failed-on-ingest', 'getIngressFailedMetricsFromDeliveryOverview'],
    [
      'GET',
      '/delivery-overview/successfully-received',
      'getIngressSuccessMetricsFromDeliveryOverview',
    ],
  ]),
  ...of('destinationFilters', 'supported', '', [
    ['POST', '/destination/{destinationId}/filters', 'createFilterForDestination'],
    ['GET', '/destination/{destinationId}/filters/{filterId}', 'getFilterInDestination'],
    ['GET', '/destination/{destinationId}/filters', 'listFiltersFromDestination'],
    ['POST', '/destination/filters/preview', 'previewDestinationFilter'],
    ['DELETE', '/destination/{destinationId}/filters/{filterId}', 'removeFilterFromDestination'],
    ['PATCH', '/destination/{destinationId}/filters/{filterId}', 'updateFilterForDestination'],
  ]),
  ...of('destinations', 'supported', '', [
    [
      'GET',
      '/destinations/{destinationId}/delivery-metrics',
      'listDeliveryMetricsSummaryFromDestination',
    ],
  ]),
  ...of('destinations', 'supported', '', [
    ['POST', '/destinations', 'createDestination'],
    ['POST', '/destinations/{destinationId}/subscriptions', 'createDestinationSubscription'],
    ['DELETE', '/destinations/{destinationId}', 'deleteDestination'],
    ['GET', '/destinations/{destinationId}', 'getDestination'],
    ['GET', '/destinations/{destinationId}/subscriptions/{id}', 'getSubscriptionFromDestination'],
    ['GET', '/destinations', 'listDestinations'],
    ['GET', '/destinations/{destinationId}/subscriptions', 'listSubscriptionsFromDestination'],
    [
      'DELETE',
      '/destinations/{destinationId}/subscriptions/{id}',
      'removeSubscriptionFromDestination',
    ],
    ['PATCH', '/destinations/{destinationId}', 'updateDestination'],
    [
      'PATCH',
      '/destinations/{destinationId}/subscriptions/{id}',
      'updateSubscriptionForDestination',
    ],
  ]),
  ...of('events', 'supported', '', [['GET', '/events/volume', 'getEventsVolumeFromWorkspace']]),
  ...of('functions', 'not yet', 'functions', [
    ['POST', '/functions', 'createFunction'],
    ['POST', '/functions/{functionId}/deploy', 'createFunctionDeployment'],
    ['POST', '/insert-function-instances', 'createInsertFunctionInstance'],
    ['DELETE', '/functions/{functionId}', 'deleteFunction'],
    ['DELETE', '/insert-function-instances/{instanceId}', 'deleteInsertFunctionInstance'],
    ['GET', '/functions/{functionId}', 'getFunction'],
    ['GET', '/functions/{functionId}/versions/{versionId}', 'getFunctionVersion'],
    ['GET', '/insert-function-instances/{instanceId}', 'getInsertFunctionInstance'],
    ['GET', '/functions/{functionId}/versions', 'listFunctionVersions'],
    ['GET', '/functions', 'listFunctions'],
    ['GET', '/insert-function-instances', 'listInsertFunctionInstances'],
    ['POST', '/functions/{functionId}/versions', 'restoreFunctionVersion'],
    ['PATCH', '/functions/{functionId}', 'updateFunction'],
    ['PATCH', '/insert-function-instances/{instanceId}', 'updateInsertFunctionInstance'],
  ]),
  ...of('iAMGroups', 'not yet', 'groups of users', [
    ['POST', '/groups/{userGroupId}/permissions', 'addPermissionsToUserGroup'],
    ['POST', '/groups/{userGroupId}/users', 'addUsersToUserGroup'],
    ['POST', '/groups', 'createUserGroup'],
    ['DELETE', '/groups/{userGroupId}', 'deleteUserGroup'],
    ['GET', '/groups/{userGroupId}', 'getUserGroup'],
    ['GET', '/groups/{userGroupId}/invites', 'listInvitesFromUserGroup'],
    ['GET', '/groups/{userGroupId}/users', 'listUsersFromUserGroup'],
    ['DELETE', '/group/{userGroupId}/users', 'removeUsersFromUserGroup'],
    ['PUT', '/groups/{userGroupId}/permissions', 'replacePermissionsForUserGroup'],
    ['PUT', '/group/{userGroupId}/users', 'replaceUsersInUserGroup'],
    ['PATCH', '/groups/{userGroupId}', 'updateUserGroup'],
  ]),
  ...of('iAMGroups', 'supported', '', [['GET', '/groups', 'listUserGroups']]),
  ...of('iAMRoles', 'supported', '', [['GET', '/roles', 'listRoles']]),
  ...of('iAMUsers', 'supported', '', [
    ['POST', '/users/{userId}/permissions', 'addPermissionsToUser'],
    ['POST', '/invites', 'createInvites'],
    ['DELETE', '/invites', 'deleteInvites'],
    ['DELETE', '/users', 'deleteUsers'],
    ['GET', '/invites', 'listInvites'],
    ['GET', '/users/{userId}/groups', 'listUserGroupsFromUser'],
    ['PUT', '/users/{userId}/permissions', 'replacePermissionsForUser'],
  ]),
  ...of('iAMUsers', 'supported', '', [
    ['GET', '/users/{userId}', 'getUser'],
    ['GET', '/users', 'listUsers'],
  ]),
  ...of('labels', 'supported', '', [
    ['POST', '/labels', 'createLabel'],
    ['DELETE', '/labels/{key}/{value}', 'deleteLabel'],
    ['GET', '/labels', 'listLabels'],
  ]),
  ...of('livePlugins', 'not applicable', 'plugins in the browser are not served', [
    ['POST', '/sources/{sourceId}/live-plugins/create', 'createLivePlugin'],
    ['DELETE', '/sources/{sourceId}/live-plugins/delete-code', 'deleteLivePluginCode'],
    ['GET', '/sources/{sourceId}/live-plugins/latest', 'getLatestFromLivePlugins'],
  ]),
  ...of('monthlyTrackedUsers', 'supported', '', [
    ['GET', '/usage/mtu/sources/daily', 'getDailyPerSourceMTUUsage'],
    ['GET', '/usage/mtu/daily', 'getDailyWorkspaceMTUUsage'],
  ]),
  ...of('profilesSync', 'not applicable', 'profiles belong to Segment Unify', [
    ['POST', '/spaces/{spaceId}/profiles-warehouses', 'createProfilesWarehouse'],
    ['GET', '/spaces/{spaceId}/profiles-warehouses', 'listProfilesWarehouseInSpace'],
    [
      'GET',
      '/spaces/{spaceId}/profiles-warehouses/{warehouseId}/selective-syncs',
      'listSelectiveSyncsFromWarehouseAndSpace',
    ],
    [
      'DELETE',
      '/spaces/{spaceId}/profiles-warehouses/{warehouseId}',
      'removeProfilesWarehouseFromSpace',
    ],
    [
      'PATCH',
      '/spaces/{spaceId}/profiles-warehouses/{warehouseId}',
      'updateProfilesWarehouseForSpaceWarehouse',
    ],
    [
      'PATCH',
      '/spaces/{spaceId}/profiles-warehouses/{warehouseId}/selective-syncs',
      'updateSelectiveSyncForWarehouseAndSpace',
    ],
  ]),
  ...of('reverseETL', 'not yet', 'reverse ETL', [
    ['POST', '/reverse-etl-models/{modelId}/syncs/{syncId}/cancel', 'cancelReverseETLSyncForModel'],
    ['POST', '/reverse-etl-syncs', 'createReverseETLManualSync'],
    ['POST', '/reverse-etl-models', 'createReverseEtlModel'],
    ['DELETE', '/reverse-etl-models/{modelId}', 'deleteReverseEtlModel'],
    ['GET', '/reverse-etl-models/{modelId}/syncs/{syncId}', 'getReverseETLSyncStatus'],
    ['GET', '/reverse-etl-models/{modelId}', 'getReverseEtlModel'],
    [
      'GET',
      '/reverse-etl-models/{modelId}/subscriptionId/{subscriptionId}/syncs',
      'listReverseETLSyncStatusesFromModelAndSubscriptionId',
    ],
    ['GET', '/reverse-etl-models', 'listReverseEtlModels'],
    ['PATCH', '/reverse-etl-models/{modelId}', 'updateReverseEtlModel'],
  ]),
  ...of('selectiveSync', 'not yet', 'selective sync of warehouses', [
    [
      'GET',
      '/warehouses/{warehouseId}/advanced-sync-schedule',
      'getAdvancedSyncScheduleFromWarehouse',
    ],
    [
      'GET',
      '/warehouses/{warehouseId}/connected-sources/{sourceId}/selective-syncs',
      'listSelectiveSyncsFromWarehouseAndSource',
    ],
    ['GET', '/warehouses/{warehouseId}/syncs', 'listSyncsFromWarehouse'],
    [
      'GET',
      '/warehouses/{warehouseId}/connected-sources/{sourceId}/syncs',
      'listSyncsFromWarehouseAndSource',
    ],
    [
      'PUT',
      '/warehouses/{warehouseId}/advanced-sync-schedule',
      'replaceAdvancedSyncScheduleForWarehouse',
    ],
    ['PATCH', '/warehouses/{warehouseId}/selective-sync', 'updateSelectiveSyncForWarehouse'],
  ]),
  ...of('sources', 'supported', '', [
    ['DELETE', '/sources/{sourceId}', 'deleteSource'],
    ['GET', '/sources/{sourceId}/settings', 'listSchemaSettingsInSource'],
    ['PATCH', '/sources/{sourceId}/settings', 'updateSchemaSettingsInSource'],
  ]),
  ...of('sources', 'supported', '', [
    ['POST', '/sources/{sourceId}/labels', 'addLabelsToSource'],
    ['POST', '/sources', 'createSource'],
    ['POST', '/sources/{sourceId}/writekey', 'createWriteKeyForSource'],
    ['GET', '/sources/{sourceId}', 'getSource'],
    ['GET', '/sources/{sourceId}/connected-destinations', 'listConnectedDestinationsFromSource'],
    ['GET', '/sources/{sourceId}/connected-warehouses', 'listConnectedWarehousesFromSource'],
    ['GET', '/sources', 'listSources'],
    ['DELETE', '/sources/{sourceId}/writekey/{writeKey}', 'removeWriteKeyFromSource'],
    ['PUT', '/sources/{sourceId}/labels', 'replaceLabelsInSource'],
    ['PATCH', '/sources/{sourceId}', 'updateSource'],
  ]),
  ...of('spaceFilters', 'not applicable', 'spaces belong to Segment Unify', [
    ['POST', '/filters', 'createFilterForSpace'],
    ['DELETE', '/filters/{id}', 'deleteFilterById'],
    ['GET', '/filters/{id}', 'getFilterById'],
    ['GET', '/filters', 'listFiltersForSpace'],
    ['PATCH', '/filters/{id}', 'updateFilterById'],
  ]),
  ...of('spaces', 'not applicable', 'spaces belong to Segment Unify', [
    [
      'POST',
      '/spaces/{spaceId}/messaging-subscriptions/batch',
      'batchQueryMessagingSubscriptionsForSpace',
    ],
    ['GET', '/spaces/{spaceId}', 'getSpace'],
    ['GET', '/spaces', 'listSpaces'],
    ['PUT', '/spaces/{spaceId}/messaging-subscriptions', 'replaceMessagingSubscriptionsInSpaces'],
  ]),
  ...of('spaceSchemaAPI', 'not applicable', 'spaces belong to Segment Unify', [
    ['GET', '/spaces/{spaceId}/entity-paths', 'listEntityPaths'],
    ['GET', '/spaces/{spaceId}/events', 'listEvents'],
    ['GET', '/spaces/{spaceId}/entities/{entitySlug}/properties', 'listPropertiesFromEntity'],
    ['GET', '/spaces/{spaceId}/events/{eventName}/properties', 'listPropertiesFromEvent'],
    [
      'GET',
      '/spaces/{spaceId}/entities/{entitySlug}/properties/{propertyName}/sample-values',
      'listSampleValuesFromEntityProperty',
    ],
    [
      'GET',
      '/spaces/{spaceId}/events/{eventName}/properties/{propertyName}/sample-values',
      'listSampleValuesFromEventProperty',
    ],
    ['GET', '/spaces/{spaceId}/traits/{traitKey}/sample-values', 'listSampleValuesFromTrait'],
    ['GET', '/spaces/{spaceId}/traits', 'listTraits'],
  ]),
  ...of('testing', 'supported', '', [['GET', '/echo', 'echo']]),
  ...of('trackingPlans', 'not yet', 'tracking plans', [
    ['POST', '/tracking-plans/{trackingPlanId}/sources', 'addSourceToTrackingPlan'],
    ['POST', '/tracking-plans', 'createTrackingPlan'],
    ['DELETE', '/tracking-plans/{trackingPlanId}', 'deleteTrackingPlan'],
    ['GET', '/tracking-plans/{trackingPlanId}', 'getTrackingPlan'],
    ['GET', '/tracking-plans/{trackingPlanId}/rules', 'listRulesFromTrackingPlan'],
    ['GET', '/tracking-plans/{trackingPlanId}/sources', 'listSourcesFromTrackingPlan'],
    ['GET', '/tracking-plans', 'listTrackingPlans'],
    ['DELETE', '/tracking-plans/{trackingPlanId}/rules', 'removeRulesFromTrackingPlan'],
    ['DELETE', '/tracking-plans/{trackingPlanId}/sources', 'removeSourceFromTrackingPlan'],
    ['PUT', '/tracking-plans/{trackingPlanId}/rules', 'replaceRulesInTrackingPlan'],
    ['PATCH', '/tracking-plans/{trackingPlanId}/rules', 'updateRulesInTrackingPlan'],
    ['PATCH', '/tracking-plans/{trackingPlanId}', 'updateTrackingPlan'],
  ]),
  ...of('transformations', 'not yet', 'transformations', [
    ['POST', '/transformations', 'createTransformation'],
    ['DELETE', '/transformations/{transformationId}', 'deleteTransformation'],
    ['GET', '/transformations/{transformationId}', 'getTransformation'],
    ['GET', '/transformations', 'listTransformations'],
    ['PATCH', '/transformations/{transformationId}', 'updateTransformation'],
  ]),
  ...of('warehouses', 'not yet', 'testing settings before they are saved', [
    ['POST', '/warehouses/validation', 'createValidationInWarehouse'],
  ]),
  ...of('warehouses', 'supported', '', [
    [
      'POST',
      '/warehouses/{warehouseId}/connected-sources/{sourceId}',
      'addConnectionFromSourceToWarehouse',
    ],
    ['POST', '/warehouses', 'createWarehouse'],
    ['DELETE', '/warehouses/{warehouseId}', 'deleteWarehouse'],
    ['GET', '/warehouses/{warehouseId}/connection-state', 'getConnectionStateFromWarehouse'],
    [
      'DELETE',
      '/warehouses/{warehouseId}/connected-sources/{sourceId}',
      'removeSourceConnectionFromWarehouse',
    ],
    ['PATCH', '/warehouses/{warehouseId}', 'updateWarehouse'],
  ]),
  ...of('warehouses', 'supported', '', [
    ['GET', '/warehouses/{warehouseId}', 'getWarehouse'],
    ['GET', '/warehouses/{warehouseId}/connected-sources', 'listConnectedSourcesFromWarehouse'],
    ['GET', '/warehouses', 'listWarehouses'],
  ]),
  ...of('workspaces', 'supported', '', [['GET', '/', 'getWorkspace']]),
];
